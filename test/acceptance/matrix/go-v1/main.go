// The operations of the matrix with the OSS SDK for Go v1: names as arguments, one line of JSON for each on standard output.
// The environment is told in matrix.test.ts.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
)

type fields map[string]any

const text = "The quick brown fox\n"
const key = "a b/ü+%.txt"

var name, point = os.Getenv("MATRIX_BUCKET"), os.Getenv("MATRIX_ACCESS_POINT")
var client = open(os.Getenv("MATRIX_SIGNATURE"), os.Getenv("MATRIX_KEY_ID"), os.Getenv("MATRIX_KEY_SECRET"), "")
var bucket = must(client.Bucket(name))

func main() {
	print(fields{"client": "go-v1", "version": linkedVersion()})
	for _, op := range os.Args[1:] {
		print(carryOut(op))
	}
}

func print(line fields) {
	check(json.NewEncoder(os.Stdout).Encode(line))
}

func carryOut(op string) (line fields) {
	if notOffered[op] {
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
		if module.Path == "github.com/aliyun/aliyun-oss-go-sdk" {
			return strings.TrimSuffix(module.Version, "+incompatible")
		}
	}
	return "unknown"
}

func open(signature, id, secret, token string) *oss.Client {
	options := []oss.ClientOption{oss.AuthVersion(oss.AuthV1), oss.SecurityToken(token)}
	if signature == "v4" {
		options = []oss.ClientOption{oss.AuthVersion(oss.AuthV4), oss.Region("cn-qingdao"), oss.SecurityToken(token)}
	}
	return must(oss.New(os.Getenv("MATRIX_ENDPOINT"), id, secret, options...))
}

func connect() fields {
	endpoint, accessKeyID, accessKeySecret := os.Getenv("MATRIX_ENDPOINT"), os.Getenv("MATRIX_KEY_ID"), os.Getenv("MATRIX_KEY_SECRET")
	// connect>
	client, err := oss.New(endpoint, accessKeyID, accessKeySecret, oss.AuthVersion(oss.AuthV4), oss.Region("cn-qingdao"))
	check(err)
	bucket, err := client.Bucket("demo")
	check(err)

	check(bucket.PutObject("hello.txt", strings.NewReader("hello")))
	body, err := bucket.GetObject("hello.txt")
	check(err)
	page, err := bucket.ListObjectsV2(oss.MaxKeys(1000))
	check(err)
	// <connect
	return fields{"body": read(body, nil), "names": keysOf(page.Objects)}
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

var plainStatus = regexp.MustCompile(`service returned (\d{3})`)

// fault is the status and the code with which the server refused what has to fail.
func fault(err error) (int, string) {
	var service oss.ServiceError
	if errors.As(err, &service) {
		return service.StatusCode, service.Code
	}
	if err == nil {
		panic("no error")
	}
	found := plainStatus.FindStringSubmatch(err.Error())
	if found == nil {
		panic(err)
	}
	return must(strconv.Atoi(found[1])), ""
}

// none is an operation whose success is all that it tells; a later row reads what it did.
func none(run func() error) func() fields {
	return func() fields {
		check(run())
		return fields{}
	}
}

func etagOf(head http.Header) string {
	return strings.Trim(head.Get("Etag"), `"`)
}

func sizeOf(head http.Header) int {
	return must(strconv.Atoi(head.Get("Content-Length")))
}

func keysOf(objects []oss.ObjectProperties) []string {
	keys := []string{}
	for _, object := range objects {
		keys = append(keys, object.Key)
	}
	return keys
}

func tagging(label, value string) oss.Tagging {
	return oss.Tagging{Tags: []oss.Tag{{Key: label, Value: value}}}
}

func tagsOf(tags []oss.Tag) fields {
	found := fields{}
	for _, tag := range tags {
		found[tag.Key] = tag.Value
	}
	return fields{"tags": found}
}

func decoded(policy string, err error) fields {
	check(err)
	var value any
	check(json.Unmarshal([]byte(policy), &value))
	return fields{"policy": value}
}

var notOffered = map[string]bool{
	"GetBucketPolicyStatus": true, "PutBucketPublicAccessBlock": true, "GetBucketPublicAccessBlock": true, "DeleteBucketPublicAccessBlock": true,
	"PutPublicAccessBlock": true, "GetPublicAccessBlock": true, "DeletePublicAccessBlock": true,
	"CreateAccessPoint": true, "GetAccessPoint": true, "ListAccessPoints": true, "DeleteAccessPoint": true,
	"PutAccessPointPolicy": true, "GetAccessPointPolicy": true, "DeleteAccessPointPolicy": true,
	"PutAccessPointPublicAccessBlock": true, "GetAccessPointPublicAccessBlock": true, "DeleteAccessPointPublicAccessBlock": true,
	"CreateAccessPointForObjectProcess": true, "GetAccessPointForObjectProcess": true, "ListAccessPointsForObjectProcess": true,
	"PutAccessPointConfigForObjectProcess": true, "GetAccessPointConfigForObjectProcess": true,
	"PutAccessPointPolicyForObjectProcess": true, "GetAccessPointPolicyForObjectProcess": true, "DeleteAccessPointPolicyForObjectProcess": true,
	"DeleteAccessPointForObjectProcess": true, "PostObject form, V1": true, "PostObject form, V4": true,
}

var operations map[string]func() fields

func init() {
	operations = map[string]func() fields{}
	for _, group := range []map[string]func() fields{objects, parts, settings, features} {
		for op, run := range group {
			operations[op] = run
		}
	}
}
