// Carries out scripted steps with the OSS SDK for Go v1 and prints what came back as JSON.
//
// Standard input: {endpoint, accessKeyId, accessKeySecret, securityToken, region, signature, steps}; standard output: {sdk, version, results}.
// It builds with v2.2.3 and with the newest v1 alike; the module file decides.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
)

type step struct {
	Op          string            `json:"op"`
	Bucket      string            `json:"bucket"`
	Key         string            `json:"key"`
	Keys        []string          `json:"keys"`
	Body        []byte            `json:"body"`
	Meta        map[string]string `json:"meta"`
	ContentType string            `json:"contentType"`
	Range       []int64           `json:"range"`
	IfMatch     string            `json:"ifMatch"`
	IfNoneMatch string            `json:"ifNoneMatch"`
	Prefix      string            `json:"prefix"`
	Delimiter   string            `json:"delimiter"`
	After       string            `json:"after"`
	MaxKeys     int               `json:"maxKeys"`
	Expires     int64             `json:"expires"`
	Route       string            `json:"route"`
	Token       string            `json:"token"`
	Status      string            `json:"status"`
	Forward     map[string]string `json:"forward"`
}

type job struct {
	Endpoint        string `json:"endpoint"`
	AccessKeyID     string `json:"accessKeyId"`
	AccessKeySecret string `json:"accessKeySecret"`
	SecurityToken   string `json:"securityToken"`
	Region          string `json:"region"`
	Signature       string `json:"signature"`
	Steps           []step `json:"steps"`
}

type fields map[string]any

func main() {
	var work job
	if err := json.NewDecoder(os.Stdin).Decode(&work); err != nil {
		log.Fatal(err)
	}
	options := []oss.ClientOption{oss.AuthVersion(oss.AuthV1)}
	if work.Signature == "v4" {
		options = []oss.ClientOption{oss.AuthVersion(oss.AuthV4), oss.Region(work.Region)}
	}
	if work.SecurityToken != "" {
		options = append(options, oss.SecurityToken(work.SecurityToken))
	}
	client, err := oss.New(work.Endpoint, work.AccessKeyID, work.AccessKeySecret, options...)
	if err != nil {
		log.Fatal(err)
	}
	results := []fields{}
	for _, s := range work.Steps {
		out, err := carryOut(client, s)
		if err != nil {
			out = fault(err)
		} else {
			out["ok"] = true
		}
		results = append(results, out)
	}
	_ = json.NewEncoder(os.Stdout).Encode(fields{"sdk": "go-v1", "version": linkedVersion(), "results": results})
}

// linkedVersion is the SDK version that the linker put into this program.
func linkedVersion() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/aliyun/aliyun-oss-go-sdk" {
			return strings.TrimSuffix(module.Version, "+incompatible")
		}
	}
	return "unknown"
}

var plainStatus = regexp.MustCompile(`service returned (\d{3})`)

func fault(err error) fields {
	var service oss.ServiceError
	if errors.As(err, &service) {
		return fields{"ok": false, "status": service.StatusCode, "code": service.Code, "requestId": service.RequestID, "message": service.Message}
	}
	status := 0
	if found := plainStatus.FindStringSubmatch(err.Error()); found != nil {
		status, _ = strconv.Atoi(found[1])
	}
	return fields{"ok": false, "status": status, "code": "", "requestId": "", "message": err.Error()}
}

func describe(head http.Header) fields {
	meta := map[string]string{}
	for name := range head {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-oss-meta-") {
			meta[strings.TrimPrefix(lower, "x-oss-meta-")] = head.Get(name)
		}
	}
	size, err := strconv.ParseInt(head.Get("Content-Length"), 10, 64)
	if err != nil {
		size = -1
	}
	return fields{
		"etag": strings.Trim(head.Get("Etag"), `"`), "contentType": head.Get("Content-Type"), "size": size,
		"crc64": head.Get("X-Oss-Hash-Crc64ecma"), "meta": meta, "requestId": head.Get("X-Oss-Request-Id"),
	}
}

func carryOut(client *oss.Client, s step) (fields, error) {
	switch s.Op {
	case "createBucket":
		return fields{}, client.CreateBucket(s.Bucket)
	case "deleteBucket":
		return fields{}, client.DeleteBucket(s.Bucket)
	case "listBuckets":
		result, err := client.ListBuckets()
		names := []string{}
		for _, entry := range result.Buckets {
			names = append(names, entry.Name)
		}
		return fields{"names": names}, err
	case "answer":
		return answer(client, s)
	}
	bucket, err := client.Bucket(s.Bucket)
	if err != nil {
		return nil, err
	}
	return onBucket(bucket, s)
}

func onBucket(bucket *oss.Bucket, s step) (fields, error) {
	switch s.Op {
	case "put":
		var head http.Header
		options := []oss.Option{oss.GetResponseHeader(&head)}
		for name, value := range s.Meta {
			options = append(options, oss.Meta(name, value))
		}
		if s.ContentType != "" {
			options = append(options, oss.ContentType(s.ContentType))
		}
		err := bucket.PutObject(s.Key, bytes.NewReader(s.Body), options...)
		return describe(head), err
	case "get":
		return get(bucket, s)
	case "head":
		head, err := bucket.GetObjectDetailedMeta(s.Key)
		return describe(head), err
	case "objectMeta":
		head, err := bucket.GetObjectMeta(s.Key)
		return describe(head), err
	case "listV1":
		result, err := bucket.ListObjects(oss.Prefix(s.Prefix), oss.Delimiter(s.Delimiter), oss.Marker(s.After), oss.MaxKeys(maxKeys(s)))
		return listed(result.Objects, result.CommonPrefixes, result.IsTruncated), err
	case "listV2":
		result, err := bucket.ListObjectsV2(oss.Prefix(s.Prefix), oss.Delimiter(s.Delimiter), oss.StartAfter(s.After), oss.MaxKeys(maxKeys(s)))
		return listed(result.Objects, result.CommonPrefixes, result.IsTruncated), err
	case "delete":
		return fields{}, bucket.DeleteObject(s.Key)
	case "deleteMany":
		result, err := bucket.DeleteObjects(s.Keys)
		return fields{"keys": result.DeletedObjects}, err
	case "presign":
		address, err := bucket.SignURL(s.Key, oss.HTTPGet, s.Expires)
		return fields{"url": address}, err
	}
	return nil, errors.New("no such step: " + s.Op)
}

func maxKeys(s step) int {
	if s.MaxKeys == 0 {
		return 100
	}
	return s.MaxKeys
}

func listed(objects []oss.ObjectProperties, prefixes []string, truncated bool) fields {
	keys := []string{}
	for _, object := range objects {
		keys = append(keys, object.Key)
	}
	if prefixes == nil {
		prefixes = []string{}
	}
	return fields{"keys": keys, "prefixes": prefixes, "truncated": truncated}
}

func get(bucket *oss.Bucket, s step) (fields, error) {
	var head http.Header
	options := []oss.Option{oss.GetResponseHeader(&head)}
	if len(s.Range) == 2 {
		options = append(options, oss.Range(s.Range[0], s.Range[1]))
	}
	if s.IfMatch != "" {
		options = append(options, oss.IfMatch(s.IfMatch))
	}
	if s.IfNoneMatch != "" {
		options = append(options, oss.IfNoneMatch(s.IfNoneMatch))
	}
	result, err := bucket.DoGetObject(&oss.GetObjectRequest{ObjectKey: s.Key}, options)
	if err != nil {
		return nil, err
	}
	defer result.Response.Body.Close()
	body, err := io.ReadAll(result.Response)
	if err != nil {
		return nil, err
	}
	if result.ClientCRC != nil && len(s.Range) == 0 && result.ServerCRC != 0 && result.ClientCRC.Sum64() != result.ServerCRC {
		return nil, errors.New("the CRC of the body differs from the server's")
	}
	out := describe(result.Response.Headers)
	out["status"] = result.Response.StatusCode
	out["body"] = base64.StdEncoding.EncodeToString(body)
	return out, nil
}

// answer calls WriteGetObjectResponse as the vendor's Go sample does: this SDK has no method of its own for it.
func answer(client *oss.Client, s step) (fields, error) {
	headers := map[string]string{"x-oss-request-route": s.Route, "x-oss-request-token": s.Token, "x-oss-fwd-status": s.Status}
	for name, value := range s.Forward {
		headers["x-oss-fwd-header-"+name] = value
	}
	params := map[string]any{"x-oss-write-get-object-response": nil}
	response, err := client.Conn.Do("POST", "", "", params, headers, bytes.NewReader(s.Body), 0, nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return fields{"status": response.StatusCode, "requestId": response.Headers.Get("X-Oss-Request-Id")}, nil
}
