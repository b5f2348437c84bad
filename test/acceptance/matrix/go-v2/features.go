package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
)

var versioned, shared = oss.Ptr(*name + "-v"), oss.Ptr(os.Getenv("MATRIX_SHARED"))
var marker *string

func note(body string) *string {
	request := &oss.PutObjectRequest{Bucket: versioned, Key: oss.Ptr("note"), Body: strings.NewReader(body)}
	return must(client.PutObject(ctx, request)).VersionId
}

func gone[D, R any](delete func() (D, error), read func() (R, error)) func() fields {
	return func() fields {
		must(delete())
		return fields{"code": refusal(read()).Code}
	}
}

func info(bucket *string, called string) fields {
	return fields{"info": read(get(oss.GetObjectRequest{Bucket: bucket, Key: oss.Ptr(called), Process: oss.Ptr("image/info")}))}
}

func getLifecycle() (*oss.GetBucketLifecycleResult, error) {
	return client.GetBucketLifecycle(ctx, &oss.GetBucketLifecycleRequest{Bucket: name})
}

func getEncryption() (*oss.GetBucketEncryptionResult, error) {
	return client.GetBucketEncryption(ctx, &oss.GetBucketEncryptionRequest{Bucket: name})
}

func getWebsite() (*oss.GetBucketWebsiteResult, error) {
	return client.GetBucketWebsite(ctx, &oss.GetBucketWebsiteRequest{Bucket: name})
}

func getStyle() (*oss.GetStyleResult, error) {
	return client.GetStyle(ctx, &oss.GetStyleRequest{Bucket: name, StyleName: oss.Ptr("tiny")})
}

var features = map[string]func() fields{
	"PutBucketVersioning": none(func() (*oss.PutBucketVersioningResult, error) {
		must(client.PutBucket(ctx, &oss.PutBucketRequest{Bucket: versioned}))
		enabled := &oss.VersioningConfiguration{Status: oss.VersionEnabled}
		return client.PutBucketVersioning(ctx, &oss.PutBucketVersioningRequest{Bucket: versioned, VersioningConfiguration: enabled})
	}),
	"GetBucketVersioning": func() fields {
		return fields{"status": must(client.GetBucketVersioning(ctx, &oss.GetBucketVersioningRequest{Bucket: versioned})).VersionStatus}
	},
	"GetObject of a version": func() fields {
		first := note("one")
		note("two")
		old := read(get(oss.GetObjectRequest{Bucket: versioned, Key: oss.Ptr("note"), VersionId: first}))
		return fields{"old": old, "now": read(get(oss.GetObjectRequest{Bucket: versioned, Key: oss.Ptr("note")}))}
	},
	"DeleteObject, a delete marker": func() fields {
		result := must(client.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: versioned, Key: oss.Ptr("note")}))
		marker = result.VersionId
		return fields{"marker": result.DeleteMarker}
	},
	"ListObjectVersions": func() fields {
		result := must(client.ListObjectVersions(ctx, &oss.ListObjectVersionsRequest{Bucket: versioned}))
		return fields{"versions": len(result.ObjectVersions), "markers": len(result.ObjectDeleteMarkers)}
	},
	"DeleteObject of a version": func() fields {
		must(client.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: versioned, Key: oss.Ptr("note"), VersionId: marker}))
		return fields{"body": read(get(oss.GetObjectRequest{Bucket: versioned, Key: oss.Ptr("note")}))}
	},
	"RestoreObject": func() fields {
		must(client.PutObject(ctx, &oss.PutObjectRequest{Bucket: name, Key: oss.Ptr("cold"), Body: strings.NewReader("frozen"), StorageClass: oss.StorageClassArchive}))
		before := refusal(get(oss.GetObjectRequest{Key: oss.Ptr("cold")})).Code
		must(client.RestoreObject(ctx, &oss.RestoreObjectRequest{Bucket: name, Key: oss.Ptr("cold")}))
		return fields{"before": before, "body": read(get(oss.GetObjectRequest{Key: oss.Ptr("cold")}))}
	},
	"PutObject, encrypted": func() fields {
		must(client.PutObject(ctx, &oss.PutObjectRequest{Bucket: name, Key: oss.Ptr("secret"), Body: strings.NewReader("secret"), ServerSideEncryption: oss.Ptr("AES256")}))
		return fields{"algorithm": head("secret").ServerSideEncryption}
	},
	"PutObject, a callback": func() fields {
		wanted := must(json.Marshal(fields{"callbackUrl": os.Getenv("MATRIX_CALLBACK"), "callbackBody": "object=${object}"}))
		return fields{"answer": must(client.PutObject(ctx, &oss.PutObjectRequest{
			Bucket: name, Key: oss.Ptr("told"), Body: strings.NewReader("told"), Callback: oss.Ptr(base64.StdEncoding.EncodeToString(wanted)),
		})).CallbackResult}
	},
	"PutBucketLifecycle": none(func() (*oss.PutBucketLifecycleResult, error) {
		rule := oss.LifecycleRule{
			ID: oss.Ptr("tidy"), Prefix: oss.Ptr("tmp/"), Status: oss.Ptr("Enabled"), Expiration: &oss.LifecycleRuleExpiration{Days: oss.Ptr(int32(30))},
		}
		config := &oss.LifecycleConfiguration{Rules: []oss.LifecycleRule{rule}}
		return client.PutBucketLifecycle(ctx, &oss.PutBucketLifecycleRequest{Bucket: name, LifecycleConfiguration: config})
	}),
	"GetBucketLifecycle": func() fields {
		rule := must(getLifecycle()).LifecycleConfiguration.Rules[0]
		return fields{"rule": rule.ID, "prefix": rule.Prefix, "days": rule.Expiration.Days}
	},
	"DeleteBucketLifecycle": gone(func() (*oss.DeleteBucketLifecycleResult, error) {
		return client.DeleteBucketLifecycle(ctx, &oss.DeleteBucketLifecycleRequest{Bucket: name})
	}, getLifecycle),
	"PutBucketEncryption": none(func() (*oss.PutBucketEncryptionResult, error) {
		rule := &oss.ServerSideEncryptionRule{ApplyServerSideEncryptionByDefault: &oss.ApplyServerSideEncryptionByDefault{SSEAlgorithm: oss.Ptr("AES256")}}
		return client.PutBucketEncryption(ctx, &oss.PutBucketEncryptionRequest{Bucket: name, ServerSideEncryptionRule: rule})
	}),
	"GetBucketEncryption": func() fields {
		return fields{"algorithm": must(getEncryption()).ServerSideEncryptionRule.ApplyServerSideEncryptionByDefault.SSEAlgorithm}
	},
	"DeleteBucketEncryption": gone(func() (*oss.DeleteBucketEncryptionResult, error) {
		return client.DeleteBucketEncryption(ctx, &oss.DeleteBucketEncryptionRequest{Bucket: name})
	}, getEncryption),
	"PutBucketWebsite": none(func() (*oss.PutBucketWebsiteResult, error) {
		config := &oss.WebsiteConfiguration{IndexDocument: &oss.IndexDocument{Suffix: oss.Ptr("index.html")}}
		return client.PutBucketWebsite(ctx, &oss.PutBucketWebsiteRequest{Bucket: name, WebsiteConfiguration: config})
	}),
	"GetBucketWebsite": func() fields { return fields{"index": must(getWebsite()).WebsiteConfiguration.IndexDocument.Suffix} },
	"DeleteBucketWebsite": gone(func() (*oss.DeleteBucketWebsiteResult, error) {
		return client.DeleteBucketWebsite(ctx, &oss.DeleteBucketWebsiteRequest{Bucket: name})
	}, getWebsite),
	"DescribeRegions": func() fields {
		found := false
		for _, each := range must(client.DescribeRegions(ctx, &oss.DescribeRegionsRequest{})).RegionInfoList.RegionInfos {
			found = found || *each.Region == "oss-cn-qingdao"
		}
		return fields{"found": found}
	},
	"GetObject, x-oss-process": func() fields { return info(shared, "picture.png") },
	"PutStyle": none(func() (*oss.PutStyleResult, error) {
		style := &oss.StyleContent{Content: oss.Ptr("image/resize,w_10")}
		return client.PutStyle(ctx, &oss.PutStyleRequest{Bucket: name, StyleName: oss.Ptr("tiny"), Style: style})
	}),
	"GetStyle": func() fields { return fields{"content": must(getStyle()).Style.Content} },
	"ListStyle": func() fields {
		names := []string{}
		for _, each := range must(client.ListStyle(ctx, &oss.ListStyleRequest{Bucket: name})).StyleList.Styles {
			names = append(names, *each.Name)
		}
		return fields{"names": names}
	},
	"DeleteStyle": gone(func() (*oss.DeleteStyleResult, error) {
		return client.DeleteStyle(ctx, &oss.DeleteStyleRequest{Bucket: name, StyleName: oss.Ptr("tiny")})
	}, getStyle),
	"ProcessObject": func() fields {
		encode := base64.RawURLEncoding.EncodeToString
		process := "image/resize,w_10|sys/saveas,o_" + encode([]byte("small.png")) + ",b_" + encode([]byte(*name))
		must(client.ProcessObject(ctx, &oss.ProcessObjectRequest{Bucket: shared, Key: oss.Ptr("picture.png"), Process: oss.Ptr(process)}))
		return info(name, "small.png")
	},
}
