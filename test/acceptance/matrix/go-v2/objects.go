package main

import (
	"crypto/md5"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
)

var upload *string
var done []oss.UploadPart

func md5Of(bytes []byte) string {
	sum := md5.Sum(bytes)
	return hex.EncodeToString(sum[:])
}

func get(request oss.GetObjectRequest) (*oss.GetObjectResult, error) {
	if request.Bucket == nil {
		request.Bucket = name
	}
	return client.GetObject(ctx, &request)
}

func head(called string) *oss.HeadObjectResult {
	return must(client.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: name, Key: oss.Ptr(called)}))
}

func put(called, body string) {
	must(client.PutObject(ctx, &oss.PutObjectRequest{Bucket: name, Key: oss.Ptr(called), Body: strings.NewReader(body)}))
}

func objectTags() fields {
	return tagsOf(must(client.GetObjectTagging(ctx, &oss.GetObjectTaggingRequest{Bucket: name, Key: oss.Ptr(key)})).Tags)
}

func presign(request any, signature string) func() fields {
	return func() fields {
		by := open(signature, os.Getenv("MATRIX_KEY_ID"), os.Getenv("MATRIX_KEY_SECRET"), "")
		return fields{"url": must(by.Presign(ctx, request, oss.PresignExpires(10*time.Minute))).URL}
	}
}

func transformed(more map[string]string) fields {
	return fields{"body": read(get(oss.GetObjectRequest{
		Bucket: oss.Ptr(os.Getenv("MATRIX_OBJECT_FC_ALIAS")), Key: oss.Ptr(os.Getenv("MATRIX_ALIAS_KEY")), RequestCommon: oss.RequestCommon{Parameters: more},
	}))}
}

func appendObject() fields {
	first := must(client.AppendObject(ctx, &oss.AppendObjectRequest{Bucket: name, Key: oss.Ptr("log"), Position: oss.Ptr(int64(0)), Body: strings.NewReader("hello, ")}))
	second := must(client.AppendObject(ctx, &oss.AppendObjectRequest{
		Bucket: name, Key: oss.Ptr("log"), Position: oss.Ptr(first.NextPosition), Body: strings.NewReader("world"),
	}))
	return fields{"position": second.NextPosition, "body": read(get(oss.GetObjectRequest{Key: oss.Ptr("log")}))}
}

func uploads(prefix *string) []string {
	keys := []string{}
	for _, each := range must(client.ListMultipartUploads(ctx, &oss.ListMultipartUploadsRequest{Bucket: name, Prefix: prefix})).Uploads {
		keys = append(keys, *each.Key)
	}
	return keys
}

func initiate(called string) *string {
	return must(client.InitiateMultipartUpload(ctx, &oss.InitiateMultipartUploadRequest{Bucket: name, Key: oss.Ptr(called)})).UploadId
}

func inFolder(use func(path string) fields) fields {
	folder := must(os.MkdirTemp("", "matrix-"))
	defer os.RemoveAll(folder)
	return use(filepath.Join(folder, "big"))
}

var objects = map[string]func() fields{
	"connect": connect,
	"PutObject": func() fields {
		result := must(client.PutObject(ctx, &oss.PutObjectRequest{
			Bucket: name, Key: oss.Ptr(key), Body: strings.NewReader(text), ContentType: oss.Ptr("text/x-fox"), Metadata: map[string]string{"author": "alice"},
		}))
		return fields{"etag": unquoted(result.ETag)}
	},
	"GetObject": func() fields {
		result := must(get(oss.GetObjectRequest{Key: oss.Ptr(key)}))
		return fields{"body": read(result, nil), "type": result.ContentType, "author": result.Metadata["author"]}
	},
	"GetObject, a range": func() fields {
		return fields{"body": read(get(oss.GetObjectRequest{Key: oss.Ptr(key), Range: oss.Ptr("bytes=4-8")}))}
	},
	"GetObject, conditions": func() fields {
		same := refusal(get(oss.GetObjectRequest{Key: oss.Ptr(key), IfNoneMatch: oss.Ptr(`"` + strings.ToUpper(md5Of([]byte(text))) + `"`)}))
		other := refusal(get(oss.GetObjectRequest{Key: oss.Ptr(key), IfMatch: oss.Ptr(`"00000000000000000000000000000000"`)}))
		return fields{"same": same.StatusCode, "other": other.StatusCode}
	},
	"HeadObject": func() fields {
		result := head(key)
		return fields{"size": result.ContentLength, "type": result.ContentType, "author": result.Metadata["author"]}
	},
	"GetObjectMeta": func() fields {
		result := must(client.GetObjectMeta(ctx, &oss.GetObjectMetaRequest{Bucket: name, Key: oss.Ptr(key)}))
		return fields{"size": result.ContentLength, "etag": unquoted(result.ETag)}
	},
	"PutObjectAcl": none(func() (*oss.PutObjectAclResult, error) {
		return client.PutObjectAcl(ctx, &oss.PutObjectAclRequest{Bucket: name, Key: oss.Ptr(key), Acl: oss.ObjectACLPrivate})
	}),
	"GetObjectAcl": func() fields {
		return fields{"acl": must(client.GetObjectAcl(ctx, &oss.GetObjectAclRequest{Bucket: name, Key: oss.Ptr(key)})).ACL}
	},
	"PutObjectTagging": none(func() (*oss.PutObjectTaggingResult, error) {
		return client.PutObjectTagging(ctx, &oss.PutObjectTaggingRequest{Bucket: name, Key: oss.Ptr(key), Tagging: tagging("color", "red")})
	}),
	"GetObjectTagging": objectTags,
	"DeleteObjectTagging": func() fields {
		must(client.DeleteObjectTagging(ctx, &oss.DeleteObjectTaggingRequest{Bucket: name, Key: oss.Ptr(key)}))
		return objectTags()
	},
	"CopyObject": func() fields {
		must(client.CopyObject(ctx, &oss.CopyObjectRequest{
			Bucket: name, Key: oss.Ptr("copy"), SourceBucket: name, SourceKey: oss.Ptr(key), MetadataDirective: oss.Ptr("REPLACE"),
			Metadata: map[string]string{"author": "bob"},
		}))
		result := must(get(oss.GetObjectRequest{Key: oss.Ptr("copy")}))
		return fields{"body": read(result, nil), "author": result.Metadata["author"]}
	},
	"AppendObject": appendObject,
	"PutSymlink": none(func() (*oss.PutSymlinkResult, error) {
		return client.PutSymlink(ctx, &oss.PutSymlinkRequest{Bucket: name, Key: oss.Ptr("link"), Target: oss.Ptr("log")})
	}),
	"GetSymlink": func() fields {
		return fields{"target": must(client.GetSymlink(ctx, &oss.GetSymlinkRequest{Bucket: name, Key: oss.Ptr("link")})).Target}
	},
	"ListObjects": func() fields {
		for _, each := range []string{"list/1", "list/2", "list/sub/3"} {
			put(each, "")
		}
		result := must(client.ListObjects(ctx, &oss.ListObjectsRequest{Bucket: name, Prefix: oss.Ptr("list/"), Delimiter: oss.Ptr("/")}))
		return listed(result.Contents, result.CommonPrefixes)
	},
	"ListObjectsV2": func() fields {
		result := must(client.ListObjectsV2(ctx, &oss.ListObjectsV2Request{Bucket: name, Prefix: oss.Ptr("list/"), Delimiter: oss.Ptr("/")}))
		return listed(result.Contents, result.CommonPrefixes)
	},
	"DeleteObject": func() fields {
		must(client.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: name, Key: oss.Ptr("copy")}))
		return fields{"after": refusal(get(oss.GetObjectRequest{Key: oss.Ptr("copy")})).StatusCode}
	},
	"DeleteMultipleObjects": func() fields {
		wanted := []oss.DeleteObject{{Key: oss.Ptr("list/1")}, {Key: oss.Ptr("list/2")}, {Key: oss.Ptr("list/sub/3")}}
		keys := []string{}
		for _, each := range must(client.DeleteMultipleObjects(ctx, &oss.DeleteMultipleObjectsRequest{Bucket: name, Objects: wanted})).DeletedObjects {
			keys = append(keys, *each.Key)
		}
		slices.Sort(keys)
		return fields{"keys": keys}
	},
	"presigned GET, V1": presign(&oss.GetObjectRequest{Bucket: name, Key: oss.Ptr(key)}, "v1"),
	"presigned GET, V4": presign(&oss.GetObjectRequest{Bucket: name, Key: oss.Ptr(key)}, "v4"),
	"presigned PUT, V1": presign(&oss.PutObjectRequest{Bucket: name, Key: oss.Ptr("presigned")}, "v1"),
	"presigned PUT, V4": presign(&oss.PutObjectRequest{Bucket: name, Key: oss.Ptr("presigned")}, "v4"),
	"GetObject at http://localhost": func() fields {
		here := strings.Replace(os.Getenv("MATRIX_ENDPOINT"), "127.0.0.1", "localhost", 1)
		own := config(os.Getenv("MATRIX_SIGNATURE"), os.Getenv("MATRIX_KEY_ID"), os.Getenv("MATRIX_KEY_SECRET"), "")
		by := oss.NewClient(own.WithEndpoint(here).WithUsePathStyle(true))
		return fields{"body": read(by.GetObject(ctx, &oss.GetObjectRequest{Bucket: name, Key: oss.Ptr(key)}))}
	},
	"STS token": func() fields {
		by := open(os.Getenv("MATRIX_SIGNATURE"), os.Getenv("MATRIX_STS_ID"), os.Getenv("MATRIX_STS_SECRET"), os.Getenv("MATRIX_STS_TOKEN"))
		return fields{"body": read(by.GetObject(ctx, &oss.GetObjectRequest{Bucket: name, Key: oss.Ptr(key)}))}
	},
	"GetObject by the alias of an access point": func() fields {
		return fields{"body": read(get(oss.GetObjectRequest{Bucket: oss.Ptr(os.Getenv("MATRIX_ALIAS")), Key: oss.Ptr(os.Getenv("MATRIX_ALIAS_KEY"))}))}
	},
	"transformed GetObject":              func() fields { return transformed(nil) },
	"transformed GetObject, a parameter": func() fields { return transformed(map[string]string{"say": "a b/ü"}) },
}

var parts = map[string]func() fields{
	"InitiateMultipartUpload": func() fields {
		upload = initiate("parts")
		return fields{"given": *upload != ""}
	},
	"UploadPart": func() fields {
		part := must(client.UploadPart(ctx, &oss.UploadPartRequest{
			Bucket: name, Key: oss.Ptr("parts"), UploadId: upload, PartNumber: 1, Body: strings.NewReader(strings.Repeat("a", 102400)),
		}))
		done = []oss.UploadPart{{PartNumber: 1, ETag: part.ETag}}
		return fields{"etag": unquoted(part.ETag)}
	},
	"UploadPartCopy": func() fields {
		part := must(client.UploadPartCopy(ctx, &oss.UploadPartCopyRequest{
			Bucket: name, Key: oss.Ptr("parts"), UploadId: upload, PartNumber: 2, SourceBucket: name, SourceKey: oss.Ptr(key), Range: oss.Ptr("bytes=4-8"),
		}))
		done = append(done, oss.UploadPart{PartNumber: 2, ETag: part.ETag})
		return fields{"etag": unquoted(part.ETag)}
	},
	"ListParts": func() fields {
		sizes := []int64{}
		for _, part := range must(client.ListParts(ctx, &oss.ListPartsRequest{Bucket: name, Key: oss.Ptr("parts"), UploadId: upload})).Parts {
			sizes = append(sizes, part.Size)
		}
		return fields{"sizes": sizes}
	},
	"ListMultipartUploads": func() fields { return fields{"keys": uploads(nil)} },
	"CompleteMultipartUpload": func() fields {
		result := must(client.CompleteMultipartUpload(ctx, &oss.CompleteMultipartUploadRequest{
			Bucket: name, Key: oss.Ptr("parts"), UploadId: upload, CompleteMultipartUpload: &oss.CompleteMultipartUpload{Parts: done},
		}))
		_, count, _ := strings.Cut(unquoted(result.ETag), "-")
		return fields{"parts": count, "size": head("parts").ContentLength}
	},
	"AbortMultipartUpload": func() fields {
		must(client.AbortMultipartUpload(ctx, &oss.AbortMultipartUploadRequest{Bucket: name, Key: oss.Ptr("given-up"), UploadId: initiate("given-up")}))
		return fields{"left": len(uploads(oss.Ptr("given-up")))}
	},
	"the client's uploader": func() fields {
		return inFolder(func(path string) fields {
			check(os.WriteFile(path, []byte(strings.Repeat("0123456789", 30720)), 0o600))
			uploader := client.NewUploader(func(options *oss.UploaderOptions) { options.PartSize, options.ParallelNum = 102400, 3 })
			must(uploader.UploadFile(ctx, &oss.PutObjectRequest{Bucket: name, Key: oss.Ptr("big")}, path))
			result := head("big")
			return fields{"size": result.ContentLength, "type": result.ObjectType}
		})
	},
	"the client's downloader": func() fields {
		return inFolder(func(path string) fields {
			downloader := client.NewDownloader(func(options *oss.DownloaderOptions) { options.PartSize, options.ParallelNum = 102400, 3 })
			must(downloader.DownloadFile(ctx, &oss.GetObjectRequest{Bucket: name, Key: oss.Ptr("big")}, path))
			return fields{"md5": md5Of(must(os.ReadFile(path)))}
		})
	},
}
