package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strings"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
)

var versioned = must(client.Bucket(name + "-v"))
var shared = must(client.Bucket(os.Getenv("MATRIX_SHARED")))
var marker string

func put(called, body string, options ...oss.Option) http.Header {
	var head http.Header
	check(bucket.PutObject(called, strings.NewReader(body), append(options, oss.GetResponseHeader(&head))...))
	return head
}

func note(body string) string {
	return withHead(func(option oss.Option) error {
		return versioned.PutObject("note", strings.NewReader(body), option)
	}).Get("X-Oss-Version-Id")
}

func gone[T any](delete func() error, read func() (T, error)) func() fields {
	return func() fields {
		check(delete())
		_, err := read()
		return codeOf(err)
	}
}

func callback() fields {
	wanted := must(json.Marshal(fields{"callbackUrl": os.Getenv("MATRIX_CALLBACK"), "callbackBody": "object=${object}"}))
	var reply []byte
	put("told", "told", oss.Callback(base64.StdEncoding.EncodeToString(wanted)), oss.CallbackResult(&reply))
	var answer any
	check(json.Unmarshal(reply, &answer))
	return fields{"answer": answer}
}

func processObject() fields {
	encode := base64.RawURLEncoding.EncodeToString
	must(shared.ProcessObject("picture.png", "image/resize,w_10|sys/saveas,o_"+encode([]byte("small.png"))+",b_"+encode([]byte(name))))
	return fields{"info": read(bucket.GetObject("small.png", oss.Process("image/info")))}
}

var features = map[string]func() fields{
	"PutBucketVersioning": none(func() error {
		check(client.CreateBucket(versioned.BucketName))
		return client.SetBucketVersioning(versioned.BucketName, oss.VersioningConfig{Status: string(oss.VersionEnabled)})
	}),
	"GetBucketVersioning": func() fields { return fields{"status": must(client.GetBucketVersioning(versioned.BucketName)).Status} },
	"GetObject of a version": func() fields {
		first := note("one")
		note("two")
		return fields{"old": read(versioned.GetObject("note", oss.VersionId(first))), "now": read(versioned.GetObject("note"))}
	},
	"DeleteObject, a delete marker": func() fields {
		head := withHead(func(option oss.Option) error { return versioned.DeleteObject("note", option) })
		marker = head.Get("X-Oss-Version-Id")
		return fields{"marker": head.Get("X-Oss-Delete-Marker") == "true"}
	},
	"ListObjectVersions": func() fields {
		result := must(versioned.ListObjectVersions())
		return fields{"versions": len(result.ObjectVersions), "markers": len(result.ObjectDeleteMarkers)}
	},
	"DeleteObject of a version": func() fields {
		check(versioned.DeleteObject("note", oss.VersionId(marker)))
		return fetch(versioned, "note")
	},
	"RestoreObject": func() fields {
		put("cold", "frozen", oss.ObjectStorageClass(oss.StorageArchive))
		_, err := bucket.GetObject("cold")
		_, before := fault(err)
		check(bucket.RestoreObject("cold"))
		return fields{"before": before, "body": read(bucket.GetObject("cold"))}
	},
	"PutObject, encrypted": func() fields {
		put("secret", "secret", oss.ServerSideEncryption("AES256"))
		return fields{"algorithm": must(bucket.GetObjectDetailedMeta("secret")).Get("X-Oss-Server-Side-Encryption")}
	},
	"PutObject, a callback": callback,
	"PutBucketLifecycle": none(func() error {
		rule := oss.LifecycleRule{ID: "tidy", Prefix: "tmp/", Status: "Enabled", Expiration: &oss.LifecycleExpiration{Days: 30}}
		return client.SetBucketLifecycle(name, []oss.LifecycleRule{rule})
	}),
	"GetBucketLifecycle": func() fields {
		rule := must(client.GetBucketLifecycle(name)).Rules[0]
		return fields{"rule": rule.ID, "prefix": rule.Prefix, "days": rule.Expiration.Days}
	},
	"DeleteBucketLifecycle": gone(
		func() error { return client.DeleteBucketLifecycle(name) },
		func() (oss.GetBucketLifecycleResult, error) { return client.GetBucketLifecycle(name) },
	),
	"PutBucketEncryption": none(func() error {
		return client.SetBucketEncryption(name, oss.ServerEncryptionRule{SSEDefault: oss.SSEDefaultRule{SSEAlgorithm: "AES256"}})
	}),
	"GetBucketEncryption": func() fields {
		return fields{"algorithm": must(client.GetBucketEncryption(name)).SSEDefault.SSEAlgorithm}
	},
	"DeleteBucketEncryption": gone(
		func() error { return client.DeleteBucketEncryption(name) },
		func() (oss.GetBucketEncryptionResult, error) { return client.GetBucketEncryption(name) },
	),
	"PutBucketWebsite": none(func() error { return client.SetBucketWebsite(name, "index.html", "error.html") }),
	"GetBucketWebsite": func() fields { return fields{"index": must(client.GetBucketWebsite(name)).IndexDocument.Suffix} },
	"DeleteBucketWebsite": gone(
		func() error { return client.DeleteBucketWebsite(name) },
		func() (oss.GetBucketWebsiteResult, error) { return client.GetBucketWebsite(name) },
	),
	"DescribeRegions": func() fields {
		found := false
		for _, each := range must(client.DescribeRegions()).Regions {
			found = found || each.Region == "oss-cn-qingdao"
		}
		return fields{"found": found}
	},
	"GetObject, x-oss-process": func() fields {
		return fields{"info": read(shared.GetObject("picture.png", oss.Process("image/info")))}
	},
	"PutStyle": none(func() error { return client.PutBucketStyle(name, "tiny", "image/resize,w_10") }),
	"GetStyle": func() fields { return fields{"content": must(client.GetBucketStyle(name, "tiny")).Content} },
	"ListStyle": func() fields {
		names := []string{}
		for _, each := range must(client.ListBucketStyle(name)).Style {
			names = append(names, each.Name)
		}
		return fields{"names": names}
	},
	"DeleteStyle": gone(
		func() error { return client.DeleteBucketStyle(name, "tiny") },
		func() (oss.GetBucketStyleResult, error) { return client.GetBucketStyle(name, "tiny") },
	),
	"ProcessObject": processObject,
}
