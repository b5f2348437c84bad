// Carries out scripted steps with the OSS SDK for Go v2 and prints what came back as JSON.
//
// Standard input: {endpoint, accessKeyId, accessKeySecret, securityToken, region, signature, steps}; standard output: {sdk, version, results}.
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
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
	MaxKeys     int32             `json:"maxKeys"`
	Expires     int64             `json:"expires"`
	Route       string            `json:"route"`
	Token       string            `json:"token"`
	Status      string            `json:"status"`
	Forward     map[string]string `json:"forward"`
	Name        string            `json:"name"`
	AccessPoint string            `json:"accessPoint"`
	FunctionArn string            `json:"functionArn"`
	RoleArn     string            `json:"roleArn"`
	Features    []string          `json:"features"`
	Acl         string            `json:"acl"`
	Policy      string            `json:"policy"`
	Block       bool              `json:"block"`
	Continue    string            `json:"continuation"`
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

var ctx = context.Background()

func main() {
	var work job
	if err := json.NewDecoder(os.Stdin).Decode(&work); err != nil {
		log.Fatal(err)
	}
	version := oss.SignatureVersionV1
	if work.Signature == "v4" {
		version = oss.SignatureVersionV4
	}
	provider := credentials.NewAnonymousCredentialsProvider()
	if work.AccessKeyID != "" {
		provider = credentials.NewStaticCredentialsProvider(work.AccessKeyID, work.AccessKeySecret, work.SecurityToken)
	}
	config := oss.LoadDefaultConfig().
		WithCredentialsProvider(provider).
		WithRegion(work.Region).
		WithEndpoint(work.Endpoint).
		WithSignatureVersion(version).
		WithReadWriteTimeout(30 * time.Second).
		WithRetryMaxAttempts(1)
	client := oss.NewClient(config)
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
	_ = json.NewEncoder(os.Stdout).Encode(fields{"sdk": "go-v2", "version": linkedVersion(), "results": results})
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

func fault(err error) fields {
	var service *oss.ServiceError
	if errors.As(err, &service) {
		return fields{"ok": false, "status": service.StatusCode, "code": service.Code, "requestId": service.RequestID, "message": service.Message}
	}
	return fields{"ok": false, "status": 0, "code": "", "requestId": "", "message": err.Error()}
}

func text(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}

func optional(value string) *string {
	if value == "" {
		return nil
	}
	return oss.Ptr(value)
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
		result, err := client.PutBucket(ctx, &oss.PutBucketRequest{Bucket: oss.Ptr(s.Bucket)})
		if err != nil {
			return nil, err
		}
		return describe(result.Headers), nil
	case "deleteBucket":
		_, err := client.DeleteBucket(ctx, &oss.DeleteBucketRequest{Bucket: oss.Ptr(s.Bucket)})
		return fields{}, err
	case "listBuckets":
		result, err := client.ListBuckets(ctx, &oss.ListBucketsRequest{})
		if err != nil {
			return nil, err
		}
		names := []string{}
		for _, entry := range result.Buckets {
			names = append(names, text(entry.Name))
		}
		return fields{"names": names}, nil
	case "answer":
		return answer(client, s)
	}
	switch {
	case strings.HasSuffix(s.Op, "Policy"), strings.HasSuffix(s.Op, "PolicyStatus"):
		return policy(client, s)
	case strings.HasSuffix(s.Op, "Acl"):
		return acl(client, s)
	case strings.HasSuffix(s.Op, "Block"):
		return block(client, s)
	case strings.Contains(s.Op, "AccessPoint"):
		return accessPoint(client, s)
	}
	return onObject(client, s)
}

func onObject(client *oss.Client, s step) (fields, error) {
	bucket, key := oss.Ptr(s.Bucket), oss.Ptr(s.Key)
	switch s.Op {
	case "put":
		request := &oss.PutObjectRequest{Bucket: bucket, Key: key, Body: bytes.NewReader(s.Body), Metadata: s.Meta, ContentType: optional(s.ContentType)}
		result, err := client.PutObject(ctx, request)
		if err != nil {
			return nil, err
		}
		return describe(result.Headers), nil
	case "get":
		return get(client, s)
	case "head":
		result, err := client.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: bucket, Key: key})
		if err != nil {
			return nil, err
		}
		return describe(result.Headers), nil
	case "objectMeta":
		result, err := client.GetObjectMeta(ctx, &oss.GetObjectMetaRequest{Bucket: bucket, Key: key})
		if err != nil {
			return nil, err
		}
		return describe(result.Headers), nil
	case "listV1":
		result, err := client.ListObjects(ctx, &oss.ListObjectsRequest{
			Bucket: bucket, Prefix: optional(s.Prefix), Delimiter: optional(s.Delimiter), Marker: optional(s.After), MaxKeys: s.MaxKeys,
		})
		if err != nil {
			return nil, err
		}
		return listed(result.Contents, result.CommonPrefixes, result.IsTruncated), nil
	case "listV2":
		result, err := client.ListObjectsV2(ctx, &oss.ListObjectsV2Request{
			Bucket: bucket, Prefix: optional(s.Prefix), Delimiter: optional(s.Delimiter), StartAfter: optional(s.After), MaxKeys: s.MaxKeys,
		})
		if err != nil {
			return nil, err
		}
		return listed(result.Contents, result.CommonPrefixes, result.IsTruncated), nil
	case "delete":
		_, err := client.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: bucket, Key: key})
		return fields{}, err
	case "deleteMany":
		return deleteMany(client, s)
	case "presign":
		result, err := client.Presign(ctx, &oss.GetObjectRequest{Bucket: bucket, Key: key}, oss.PresignExpires(time.Duration(s.Expires)*time.Second))
		if err != nil {
			return nil, err
		}
		return fields{"url": result.URL}, nil
	}
	return nil, errors.New("no such step: " + s.Op)
}

func deleteMany(client *oss.Client, s step) (fields, error) {
	objects := []oss.DeleteObject{}
	for _, name := range s.Keys {
		objects = append(objects, oss.DeleteObject{Key: oss.Ptr(name)})
	}
	result, err := client.DeleteMultipleObjects(ctx, &oss.DeleteMultipleObjectsRequest{Bucket: oss.Ptr(s.Bucket), Objects: objects})
	if err != nil {
		return nil, err
	}
	keys := []string{}
	for _, entry := range result.DeletedObjects {
		keys = append(keys, text(entry.Key))
	}
	return fields{"keys": keys}, nil
}

func listed(contents []oss.ObjectProperties, common []oss.CommonPrefix, truncated bool) fields {
	keys, prefixes := []string{}, []string{}
	for _, object := range contents {
		keys = append(keys, text(object.Key))
	}
	for _, entry := range common {
		prefixes = append(prefixes, text(entry.Prefix))
	}
	return fields{"keys": keys, "prefixes": prefixes, "truncated": truncated}
}

func get(client *oss.Client, s step) (fields, error) {
	request := &oss.GetObjectRequest{Bucket: oss.Ptr(s.Bucket), Key: oss.Ptr(s.Key), IfMatch: optional(s.IfMatch), IfNoneMatch: optional(s.IfNoneMatch)}
	if len(s.Range) == 2 {
		request.Range = oss.HTTPRange{Offset: s.Range[0], Count: s.Range[1] - s.Range[0] + 1}.FormatHTTPRange()
	}
	result, err := client.GetObject(ctx, request)
	if err != nil {
		return nil, err
	}
	defer result.Body.Close()
	body, err := io.ReadAll(result.Body)
	if err != nil {
		return nil, err
	}
	out := describe(result.Headers)
	out["status"] = result.StatusCode
	out["body"] = base64.StdEncoding.EncodeToString(body)
	return out, nil
}

func answer(client *oss.Client, s step) (fields, error) {
	result, err := client.WriteGetObjectResponse(ctx, &oss.WriteGetObjectResponseRequest{
		RequestRoute: oss.Ptr(s.Route), RequestToken: oss.Ptr(s.Token), FwdStatus: oss.Ptr(s.Status),
		FwdHeaderContentType: optional(s.Forward["Content-Type"]), FwdHeaderEtag: optional(s.Forward["ETag"]),
		Body: bytes.NewReader(s.Body),
	})
	if err != nil {
		return nil, err
	}
	return fields{"status": result.StatusCode, "requestId": result.Headers.Get("X-Oss-Request-Id")}, nil
}

func processing(s step) *oss.ObjectProcessConfiguration {
	return &oss.ObjectProcessConfiguration{
		AllowedFeatures: &oss.ObjectProcessAllowedFeatures{AllowedFeatures: s.Features},
		TransformationConfigurations: &oss.TransformationConfigurations{TransformationConfigurations: []oss.TransformationConfiguration{{
			Actions: &oss.AccessPointActions{Actions: []string{"GetObject"}},
			ContentTransformation: &oss.ContentTransformation{FunctionCompute: &oss.ObjectProcessFunctionCompute{
				FunctionArn: oss.Ptr(s.FunctionArn), FunctionAssumeRoleArn: oss.Ptr(s.RoleArn),
			}},
		}}},
	}
}

func accessPoint(client *oss.Client, s step) (fields, error) {
	bucket, name := oss.Ptr(s.Bucket), oss.Ptr(s.Name)
	switch s.Op {
	case "createAccessPoint":
		result, err := client.CreateAccessPoint(ctx, &oss.CreateAccessPointRequest{
			Bucket: bucket, CreateAccessPointConfiguration: &oss.CreateAccessPointConfiguration{AccessPointName: name, NetworkOrigin: oss.Ptr("internet")},
		})
		if err != nil {
			return nil, err
		}
		return fields{"arn": text(result.AccessPointArn), "alias": text(result.Alias)}, nil
	case "getAccessPoint":
		result, err := client.GetAccessPoint(ctx, &oss.GetAccessPointRequest{Bucket: bucket, AccessPointName: name})
		if err != nil {
			return nil, err
		}
		return fields{"name": text(result.AccessPointName), "alias": text(result.Alias), "arn": text(result.AccessPointArn), "status": text(result.AccessPointStatus)}, nil
	case "listAccessPoints":
		result, err := client.ListAccessPoints(ctx, &oss.ListAccessPointsRequest{
			Bucket: optional(s.Bucket), MaxKeys: int64(s.MaxKeys), ContinuationToken: optional(s.Continue),
		})
		if err != nil {
			return nil, err
		}
		names := []string{}
		for _, entry := range result.AccessPoints {
			names = append(names, text(entry.AccessPointName))
		}
		return fields{"names": names, "continuation": text(result.NextContinuationToken), "truncated": result.IsTruncated}, nil
	case "deleteAccessPoint":
		result, err := client.DeleteAccessPoint(ctx, &oss.DeleteAccessPointRequest{Bucket: bucket, AccessPointName: name})
		if err != nil {
			return nil, err
		}
		return fields{"status": result.StatusCode}, nil
	}
	return objectFcAccessPoint(client, s)
}

func objectFcAccessPoint(client *oss.Client, s step) (fields, error) {
	bucket, name := oss.Ptr(s.Bucket), oss.Ptr(s.Name)
	switch s.Op {
	case "createObjectFcAccessPoint":
		result, err := client.CreateAccessPointForObjectProcess(ctx, &oss.CreateAccessPointForObjectProcessRequest{
			Bucket: bucket, AccessPointForObjectProcessName: name,
			CreateAccessPointForObjectProcessConfiguration: &oss.CreateAccessPointForObjectProcessConfiguration{
				AccessPointName: oss.Ptr(s.AccessPoint), ObjectProcessConfiguration: processing(s),
			},
		})
		if err != nil {
			return nil, err
		}
		return fields{"arn": text(result.AccessPointForObjectProcessArn), "alias": text(result.AccessPointForObjectProcessAlias)}, nil
	case "getObjectFcAccessPoint":
		result, err := client.GetAccessPointForObjectProcess(ctx, &oss.GetAccessPointForObjectProcessRequest{Bucket: bucket, AccessPointForObjectProcessName: name})
		if err != nil {
			return nil, err
		}
		return fields{
			"name": text(result.AccessPointNameForObjectProcess), "alias": text(result.AccessPointForObjectProcessAlias),
			"arn": text(result.AccessPointForObjectProcessArn), "status": text(result.AccessPointForObjectProcessStatus), "accessPoint": text(result.AccessPointName),
		}, nil
	case "listObjectFcAccessPoints":
		result, err := client.ListAccessPointsForObjectProcess(ctx, &oss.ListAccessPointsForObjectProcessRequest{
			MaxKeys: int64(s.MaxKeys), ContinuationToken: optional(s.Continue),
		})
		if err != nil {
			return nil, err
		}
		names := []string{}
		if result.AccessPointsForObjectProcess != nil {
			for _, entry := range result.AccessPointsForObjectProcess.AccessPointForObjectProcesses {
				names = append(names, text(entry.AccessPointNameForObjectProcess))
			}
		}
		return fields{"names": names, "continuation": text(result.NextContinuationToken), "truncated": result.IsTruncated}, nil
	case "configureObjectFcAccessPoint":
		_, err := client.PutAccessPointConfigForObjectProcess(ctx, &oss.PutAccessPointConfigForObjectProcessRequest{
			Bucket: bucket, AccessPointForObjectProcessName: name,
			PutAccessPointConfigForObjectProcessConfiguration: &oss.PutAccessPointConfigForObjectProcessConfiguration{ObjectProcessConfiguration: processing(s)},
		})
		return fields{}, err
	case "readObjectFcAccessPointConfig":
		result, err := client.GetAccessPointConfigForObjectProcess(ctx, &oss.GetAccessPointConfigForObjectProcessRequest{Bucket: bucket, AccessPointForObjectProcessName: name})
		if err != nil {
			return nil, err
		}
		first := result.ObjectProcessConfiguration.TransformationConfigurations.TransformationConfigurations[0]
		return fields{
			"features": result.ObjectProcessConfiguration.AllowedFeatures.AllowedFeatures, "actions": first.Actions.Actions,
			"functionArn": text(first.ContentTransformation.FunctionCompute.FunctionArn), "roleArn": text(first.ContentTransformation.FunctionCompute.FunctionAssumeRoleArn),
		}, nil
	case "deleteObjectFcAccessPoint":
		result, err := client.DeleteAccessPointForObjectProcess(ctx, &oss.DeleteAccessPointForObjectProcessRequest{Bucket: bucket, AccessPointForObjectProcessName: name})
		if err != nil {
			return nil, err
		}
		return fields{"status": result.StatusCode}, nil
	}
	return nil, errors.New("no such step: " + s.Op)
}

func acl(client *oss.Client, s step) (fields, error) {
	bucket, key := oss.Ptr(s.Bucket), oss.Ptr(s.Key)
	switch s.Op {
	case "putBucketAcl":
		result, err := client.PutBucketAcl(ctx, &oss.PutBucketAclRequest{Bucket: bucket, Acl: oss.BucketACLType(s.Acl)})
		return status(result, err)
	case "getBucketAcl":
		result, err := client.GetBucketAcl(ctx, &oss.GetBucketAclRequest{Bucket: bucket})
		if err != nil {
			return nil, err
		}
		return fields{"acl": text(result.ACL)}, nil
	case "putObjectAcl":
		result, err := client.PutObjectAcl(ctx, &oss.PutObjectAclRequest{Bucket: bucket, Key: key, Acl: oss.ObjectACLType(s.Acl)})
		return status(result, err)
	case "getObjectAcl":
		result, err := client.GetObjectAcl(ctx, &oss.GetObjectAclRequest{Bucket: bucket, Key: key})
		if err != nil {
			return nil, err
		}
		return fields{"acl": text(result.ACL)}, nil
	}
	return nil, errors.New("no such step: " + s.Op)
}

func policy(client *oss.Client, s step) (fields, error) {
	bucket, name := oss.Ptr(s.Bucket), oss.Ptr(s.Name)
	body := strings.NewReader(s.Policy)
	switch s.Op {
	case "putBucketPolicy":
		result, err := client.PutBucketPolicy(ctx, &oss.PutBucketPolicyRequest{Bucket: bucket, Body: body})
		return status(result, err)
	case "getBucketPolicy":
		result, err := client.GetBucketPolicy(ctx, &oss.GetBucketPolicyRequest{Bucket: bucket})
		if err != nil {
			return nil, err
		}
		return fields{"policy": result.Body}, nil
	case "deleteBucketPolicy":
		result, err := client.DeleteBucketPolicy(ctx, &oss.DeleteBucketPolicyRequest{Bucket: bucket})
		return status(result, err)
	case "getBucketPolicyStatus":
		result, err := client.GetBucketPolicyStatus(ctx, &oss.GetBucketPolicyStatusRequest{Bucket: bucket})
		if err != nil {
			return nil, err
		}
		return fields{"public": *result.PolicyStatus.IsPublic}, nil
	case "putAccessPointPolicy":
		result, err := client.PutAccessPointPolicy(ctx, &oss.PutAccessPointPolicyRequest{Bucket: bucket, AccessPointName: name, Body: body})
		return status(result, err)
	case "getAccessPointPolicy":
		result, err := client.GetAccessPointPolicy(ctx, &oss.GetAccessPointPolicyRequest{Bucket: bucket, AccessPointName: name})
		if err != nil {
			return nil, err
		}
		return fields{"policy": result.Body}, nil
	case "deleteAccessPointPolicy":
		result, err := client.DeleteAccessPointPolicy(ctx, &oss.DeleteAccessPointPolicyRequest{Bucket: bucket, AccessPointName: name})
		return status(result, err)
	case "putObjectFcAccessPointPolicy":
		result, err := client.PutAccessPointPolicyForObjectProcess(ctx, &oss.PutAccessPointPolicyForObjectProcessRequest{Bucket: bucket, AccessPointForObjectProcessName: name, Body: body})
		return status(result, err)
	case "getObjectFcAccessPointPolicy":
		result, err := client.GetAccessPointPolicyForObjectProcess(ctx, &oss.GetAccessPointPolicyForObjectProcessRequest{Bucket: bucket, AccessPointForObjectProcessName: name})
		if err != nil {
			return nil, err
		}
		return fields{"policy": result.Body}, nil
	case "deleteObjectFcAccessPointPolicy":
		result, err := client.DeleteAccessPointPolicyForObjectProcess(ctx, &oss.DeleteAccessPointPolicyForObjectProcessRequest{Bucket: bucket, AccessPointForObjectProcessName: name})
		return status(result, err)
	}
	return nil, errors.New("no such step: " + s.Op)
}

// status takes what any operation without an answer of its own returns.
func status[T any](result *T, err error) (fields, error) {
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(result)
	if err != nil {
		return nil, err
	}
	var seen struct{ StatusCode int }
	if err := json.Unmarshal(encoded, &seen); err != nil {
		return nil, err
	}
	return fields{"status": seen.StatusCode}, nil
}

// block reads and writes the block on public access: of an access point, a bucket, or the account when neither is named.
func block(client *oss.Client, s step) (fields, error) {
	bucket, name := oss.Ptr(s.Bucket), oss.Ptr(s.Name)
	config := &oss.PublicAccessBlockConfiguration{BlockPublicAccess: oss.Ptr(s.Block)}
	switch s.Op {
	case "putAccountBlock":
		result, err := client.PutPublicAccessBlock(ctx, &oss.PutPublicAccessBlockRequest{PublicAccessBlockConfiguration: config})
		return status(result, err)
	case "getAccountBlock":
		result, err := client.GetPublicAccessBlock(ctx, &oss.GetPublicAccessBlockRequest{})
		if err != nil {
			return nil, err
		}
		return fields{"blocked": *result.PublicAccessBlockConfiguration.BlockPublicAccess}, nil
	case "deleteAccountBlock":
		result, err := client.DeletePublicAccessBlock(ctx, &oss.DeletePublicAccessBlockRequest{})
		return status(result, err)
	case "putBucketBlock":
		result, err := client.PutBucketPublicAccessBlock(ctx, &oss.PutBucketPublicAccessBlockRequest{Bucket: bucket, PublicAccessBlockConfiguration: config})
		return status(result, err)
	case "getBucketBlock":
		result, err := client.GetBucketPublicAccessBlock(ctx, &oss.GetBucketPublicAccessBlockRequest{Bucket: bucket})
		if err != nil {
			return nil, err
		}
		return fields{"blocked": *result.PublicAccessBlockConfiguration.BlockPublicAccess}, nil
	case "deleteBucketBlock":
		result, err := client.DeleteBucketPublicAccessBlock(ctx, &oss.DeleteBucketPublicAccessBlockRequest{Bucket: bucket})
		return status(result, err)
	case "putAccessPointBlock":
		result, err := client.PutAccessPointPublicAccessBlock(ctx, &oss.PutAccessPointPublicAccessBlockRequest{Bucket: bucket, AccessPointName: name, PublicAccessBlockConfiguration: config})
		return status(result, err)
	case "getAccessPointBlock":
		result, err := client.GetAccessPointPublicAccessBlock(ctx, &oss.GetAccessPointPublicAccessBlockRequest{Bucket: bucket, AccessPointName: name})
		if err != nil {
			return nil, err
		}
		return fields{"blocked": *result.PublicAccessBlockConfiguration.BlockPublicAccess}, nil
	case "deleteAccessPointBlock":
		result, err := client.DeleteAccessPointPublicAccessBlock(ctx, &oss.DeleteAccessPointPublicAccessBlockRequest{Bucket: bucket, AccessPointName: name})
		return status(result, err)
	}
	return nil, errors.New("no such step: " + s.Op)
}
