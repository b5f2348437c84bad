import type { Template } from './template.ts';

const source = `// Gives texts out in capital letters.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

type event struct {
	GetObjectContext struct {
		InputOssURL string \`json:"inputOssUrl"\`
		OutputRoute string \`json:"outputRoute"\`
		OutputToken string \`json:"outputToken"\`
	} \`json:"getObjectContext"\`
	UserRequest struct {
		URL string \`json:"url"\`
	} \`json:"userRequest"\`
}

func handle(ctx context.Context, e event) (string, error) {
	request := e.GetObjectContext
	original, err := http.Get(request.InputOssURL)
	if err != nil {
		return "", err
	}
	defer original.Body.Close()
	text, err := io.ReadAll(original.Body)
	if err != nil {
		return "", err
	}
	fmt.Println(e.UserRequest.URL)
	return answer(ctx, request.OutputRoute, request.OutputToken, bytes.ToUpper(text))
}

// answer sends WriteGetObjectResponse, which the SDK has no method for, over the SDK's own connection.
func answer(ctx context.Context, route, token string, body []byte) (string, error) {
	fctx, _ := fccontext.FromContext(ctx)
	key := fctx.Credentials
	client, err := oss.New(route, key.AccessKeyId, key.AccessKeySecret,
		oss.SecurityToken(key.SecurityToken), oss.AuthVersion(oss.AuthV4), oss.Region(fctx.Region))
	if err != nil {
		return "", err
	}
	headers := map[string]string{
		"x-oss-request-route":           route,
		"x-oss-request-token":           token,
		"x-oss-fwd-status":              "200",
		"x-oss-fwd-header-Content-Type": "text/plain; charset=utf-8",
	}
	parameters := map[string]interface{}{"x-oss-write-get-object-response": nil}
	response, err := client.Conn.Do("POST", "", "", parameters, headers, bytes.NewReader(body), 0, nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	return fmt.Sprintf("answered: %d", response.StatusCode), nil
}

func main() {
	fc.Start(handle)
}
`;

const versions = { oss: 'v3.0.2+incompatible', fc: 'v0.3.1', time: 'v0.4.0' };

const modules = (name: string) => `module ${name}

go 1.18

require (
	github.com/aliyun/aliyun-oss-go-sdk ${versions.oss}
	github.com/aliyun/fc-runtime-go-sdk ${versions.fc}
)

require golang.org/x/time ${versions.time} // indirect
`;

/** The checksums of these versions, as the checksum database of Go has them. */
const sums = `github.com/aliyun/aliyun-oss-go-sdk ${versions.oss} h1:8psS8a+wKfiLt1iVDX79F7Y6wUM49Lcha2FMXt4UM8g=
github.com/aliyun/aliyun-oss-go-sdk ${versions.oss}/go.mod h1:T/Aws4fEfogEE9v+HPhhw+CntffsBHJ8nXQCwKr0/g8=
github.com/aliyun/fc-runtime-go-sdk ${versions.fc} h1:Qhd4W5DLxfhOcHeMzxAH/gxb65mvl4cYW81UPPaOoKU=
github.com/aliyun/fc-runtime-go-sdk ${versions.fc}/go.mod h1:OpZ+rlKxC4iGgigPCMzObgADLyrI7HxdaVs5H7uhy3M=
golang.org/x/time ${versions.time} h1:Z81tqI5ddIoXDPvVQ7/7CC9TnLM7ubaFG2qXYd5BbYY=
golang.org/x/time ${versions.time}/go.mod h1:3BpzKBy/shNhVucY/MWOyx10tF3SFh9QdLuxbVysPQM=
`;

const manifest = (name: string) => `# How "sluice function deploy" and "sluice dev" deploy this folder.
name: ${name}
runtime: go1
handler: main
timeout: 60
memorySize: 512
# Runs in this folder before each deployment.
build: CGO_ENABLED=0 GOOS=linux go build -o build/main .
# What is deployed.
package: build
`;

/** Go with the vendor's SDKs. */
export const go: Template = {
  description: 'Go with fc-runtime-go-sdk; needs Go',
  files: (name) => ({ 'main.go': source, 'go.mod': modules(name), 'go.sum': sums, 'sluice.yaml': manifest(name) }),
};
