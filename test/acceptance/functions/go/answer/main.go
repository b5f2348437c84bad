// A function of Object FC that puts a word in front of the original. It reads it as its query says: by inputOssUrl, or with the vendor's SDK.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

type event struct {
	GetObjectContext struct {
		InputOssURL string `json:"inputOssUrl"`
		OutputRoute string `json:"outputRoute"`
		OutputToken string `json:"outputToken"`
	} `json:"getObjectContext"`
	UserRequest struct {
		URL string `json:"url"`
	} `json:"userRequest"`
}

func byURL(input string) ([]byte, error) {
	response, err := http.Get(input)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != 200 {
		return nil, fmt.Errorf("inputOssUrl answered %d", response.StatusCode)
	}
	return io.ReadAll(response.Body)
}

// bySDK reads bucket and key that inputOssUrl names, signed with the credentials of the context.
func bySDK(client *oss.Client, input string) ([]byte, error) {
	parsed, err := url.Parse(input)
	if err != nil {
		return nil, err
	}
	parts := strings.SplitN(strings.TrimPrefix(parsed.Path, "/"), "/", 2)
	bucket, err := client.Bucket(parts[0])
	if err != nil {
		return nil, err
	}
	body, err := bucket.GetObject(parts[1])
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

func handle(ctx context.Context, e event) error {
	fctx, _ := fccontext.FromContext(ctx)
	credentials := fctx.Credentials
	client, err := oss.New(e.GetObjectContext.OutputRoute, credentials.AccessKeyId, credentials.AccessKeySecret,
		oss.SecurityToken(credentials.SecurityToken), oss.AuthVersion(oss.AuthV4), oss.Region(fctx.Region), oss.ForcePathStyle(true))
	if err != nil {
		return err
	}
	var original []byte
	if strings.Contains(e.UserRequest.URL, "by=sdk") {
		original, err = bySDK(client, e.GetObjectContext.InputOssURL)
	} else {
		original, err = byURL(e.GetObjectContext.InputOssURL)
	}
	if err != nil {
		return err
	}
	headers := map[string]string{
		"x-oss-request-route":           e.GetObjectContext.OutputRoute,
		"x-oss-request-token":           e.GetObjectContext.OutputToken,
		"x-oss-fwd-status":              "200",
		"x-oss-fwd-header-Content-Type": "text/plain",
	}
	body := bytes.NewReader(append([]byte("Go saw: "), original...))
	response, err := client.Conn.Do("POST", "", "", map[string]interface{}{"x-oss-write-get-object-response": nil}, headers, body, 0, nil)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func main() {
	fc.Start(handle)
}
