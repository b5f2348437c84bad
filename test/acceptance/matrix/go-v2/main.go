// The operations of the matrix with the OSS SDK for Go v2: names as arguments, one line of JSON for each on standard output.
// The environment is told in matrix.test.ts.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
)

type fields map[string]any

const text = "The quick brown fox\n"
const key = "a b/ü+%.txt"

var ctx = context.Background()
var name, point, processing = oss.Ptr(os.Getenv("MATRIX_BUCKET")), oss.Ptr(os.Getenv("MATRIX_ACCESS_POINT")), oss.Ptr(os.Getenv("MATRIX_OBJECT_FC"))
var client = open(os.Getenv("MATRIX_SIGNATURE"), os.Getenv("MATRIX_KEY_ID"), os.Getenv("MATRIX_KEY_SECRET"), "")

func main() {
	print(fields{"client": "go-v2", "version": linkedVersion()})
	for _, op := range os.Args[1:] {
		print(carryOut(op))
	}
}

func print(line fields) {
	check(json.NewEncoder(os.Stdout).Encode(line))
}

func carryOut(op string) (line fields) {
	if strings.HasPrefix(op, "PostObject form") {
		return fields{"op": op, "result": "not offered"}
	}
	defer func() {
		if fault := recover(); fault != nil {
			line = fields{"op": op, "result": "failed", "detail": fmt.Sprint(fault)}
		}
	}()
	run, found := operations[op]
	if !found {
		panic("no such operation")
	}
	return fields{"op": op, "result": "done", "detail": run()}
}

// linkedVersion is the SDK version that the linker put into this program.
func linkedVersion() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/aliyun/alibabacloud-oss-go-sdk-v2" {
			return module.Version
		}
	}
	return "unknown"
}

func config(signature, id, secret, token string) *oss.Config {
	version := oss.SignatureVersionV1
	if signature == "v4" {
		version = oss.SignatureVersionV4
	}
	return oss.LoadDefaultConfig().
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(id, secret, token)).
		WithRegion("cn-qingdao").
		WithEndpoint(os.Getenv("MATRIX_ENDPOINT")).
		WithSignatureVersion(version)
}

func open(signature, id, secret, token string) *oss.Client {
	return oss.NewClient(config(signature, id, secret, token))
}

func connect() fields {
	endpoint, accessKeyID, accessKeySecret := os.Getenv("MATRIX_ENDPOINT"), os.Getenv("MATRIX_KEY_ID"), os.Getenv("MATRIX_KEY_SECRET")
	// connect>
	client := oss.NewClient(oss.LoadDefaultConfig().
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(accessKeyID, accessKeySecret)).
		WithRegion("cn-qingdao").
		WithEndpoint(endpoint))
	bucket, key := oss.Ptr("demo"), oss.Ptr("hello.txt")

	_, err := client.PutObject(ctx, &oss.PutObjectRequest{Bucket: bucket, Key: key, Body: strings.NewReader("hello")})
	check(err)
	object, err := client.GetObject(ctx, &oss.GetObjectRequest{Bucket: bucket, Key: key})
	check(err)
	page, err := client.ListObjectsV2(ctx, &oss.ListObjectsV2Request{Bucket: bucket})
	check(err)
	// <connect
	return fields{"body": read(object, nil), "names": keysOf(page.Contents)}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

// refusal is the server's answer to what has to fail.
func refusal[T any](_ T, err error) *oss.ServiceError {
	var service *oss.ServiceError
	if !errors.As(err, &service) {
		panic(fmt.Sprint("no refusal: ", err))
	}
	return service
}

// none is an operation whose success is all that it tells; a later row reads what it did.
func none[T any](run func() (T, error)) func() fields {
	return func() fields {
		must(run())
		return fields{}
	}
}

func read(result *oss.GetObjectResult, err error) string {
	check(err)
	defer result.Body.Close()
	return string(must(io.ReadAll(result.Body)))
}

func unquoted(etag *string) string {
	return strings.Trim(*etag, `"`)
}

func keysOf(objects []oss.ObjectProperties) []string {
	keys := []string{}
	for _, object := range objects {
		keys = append(keys, *object.Key)
	}
	return keys
}

func listed(objects []oss.ObjectProperties, common []oss.CommonPrefix) fields {
	prefixes := []string{}
	for _, each := range common {
		prefixes = append(prefixes, *each.Prefix)
	}
	return fields{"keys": keysOf(objects), "prefixes": prefixes}
}

func tagging(label, value string) *oss.Tagging {
	return &oss.Tagging{TagSet: &oss.TagSet{Tags: []oss.Tag{{Key: oss.Ptr(label), Value: oss.Ptr(value)}}}}
}

func tagsOf(tags []oss.Tag) fields {
	found := fields{}
	for _, tag := range tags {
		found[*tag.Key] = *tag.Value
	}
	return fields{"tags": found}
}

func decoded(policy string) fields {
	var value any
	check(json.Unmarshal([]byte(policy), &value))
	return fields{"policy": value}
}

var operations map[string]func() fields

func init() {
	operations = map[string]func() fields{}
	for _, group := range []map[string]func() fields{objects, parts, settings, accessPoints, objectFc, features} {
		for op, run := range group {
			operations[op] = run
		}
	}
}
