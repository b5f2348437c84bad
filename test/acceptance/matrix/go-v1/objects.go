package main

import (
	"crypto/md5"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
)

var upload oss.InitiateMultipartUploadResult
var done []oss.UploadPart

func read(body io.ReadCloser, err error) string {
	check(err)
	defer body.Close()
	return string(must(io.ReadAll(body)))
}

func md5Of(bytes []byte) string {
	sum := md5.Sum(bytes)
	return hex.EncodeToString(sum[:])
}

func fetch(from *oss.Bucket, called string, options ...oss.Option) fields {
	return fields{"body": read(from.GetObject(called, options...))}
}

func presign(method oss.HTTPMethod, signature, called string) func() fields {
	return func() fields {
		by := must(open(signature, os.Getenv("MATRIX_KEY_ID"), os.Getenv("MATRIX_KEY_SECRET"), "").Bucket(name))
		return fields{"url": must(by.SignURL(called, method, 600))}
	}
}

func conditions() fields {
	_, err := bucket.GetObject(key, oss.IfNoneMatch(`"`+strings.ToUpper(md5Of([]byte(text)))+`"`))
	same, _ := fault(err)
	_, err = bucket.GetObject(key, oss.IfMatch(`"00000000000000000000000000000000"`))
	other, _ := fault(err)
	return fields{"same": same, "other": other}
}

func listObjects() fields {
	for _, each := range []string{"list/1", "list/2", "list/sub/3"} {
		check(bucket.PutObject(each, strings.NewReader("")))
	}
	result := must(bucket.ListObjects(oss.Prefix("list/"), oss.Delimiter("/")))
	return fields{"keys": keysOf(result.Objects), "prefixes": result.CommonPrefixes}
}

func uploads(options ...oss.Option) []string {
	keys := []string{}
	for _, each := range must(bucket.ListMultipartUploads(options...)).Uploads {
		keys = append(keys, each.Key)
	}
	return keys
}

func inFolder(use func(path string) fields) fields {
	folder := must(os.MkdirTemp("", "matrix-"))
	defer os.RemoveAll(folder)
	return use(filepath.Join(folder, "big"))
}

// withHead runs what reports the head of its answer by an option.
func withHead(run func(option oss.Option) error) http.Header {
	var head http.Header
	check(run(oss.GetResponseHeader(&head)))
	return head
}

var objects = map[string]func() fields{
	"connect": connect,
	"PutObject": func() fields {
		head := withHead(func(option oss.Option) error {
			return bucket.PutObject(key, strings.NewReader(text), oss.ContentType("text/x-fox"), oss.Meta("author", "alice"), option)
		})
		return fields{"etag": etagOf(head)}
	},
	"GetObject": func() fields {
		result := must(bucket.DoGetObject(&oss.GetObjectRequest{ObjectKey: key}, nil))
		head := result.Response.Headers
		return fields{"body": read(result.Response, nil), "type": head.Get("Content-Type"), "author": head.Get("X-Oss-Meta-Author")}
	},
	"GetObject, a range":    func() fields { return fetch(bucket, key, oss.Range(4, 8)) },
	"GetObject, conditions": conditions,
	"HeadObject": func() fields {
		head := must(bucket.GetObjectDetailedMeta(key))
		return fields{"size": sizeOf(head), "type": head.Get("Content-Type"), "author": head.Get("X-Oss-Meta-Author")}
	},
	"GetObjectMeta": func() fields {
		head := must(bucket.GetObjectMeta(key))
		return fields{"size": sizeOf(head), "etag": etagOf(head)}
	},
	"PutObjectAcl":     none(func() error { return bucket.SetObjectACL(key, oss.ACLPrivate) }),
	"GetObjectAcl":     func() fields { return fields{"acl": must(bucket.GetObjectACL(key)).ACL} },
	"PutObjectTagging": none(func() error { return bucket.PutObjectTagging(key, tagging("color", "red")) }),
	"GetObjectTagging": func() fields { return tagsOf(must(bucket.GetObjectTagging(key)).Tags) },
	"DeleteObjectTagging": func() fields {
		check(bucket.DeleteObjectTagging(key))
		return tagsOf(must(bucket.GetObjectTagging(key)).Tags)
	},
	"CopyObject": func() fields {
		must(bucket.CopyObject(key, "copy", oss.MetadataDirective(oss.MetaReplace), oss.Meta("author", "bob")))
		result := must(bucket.DoGetObject(&oss.GetObjectRequest{ObjectKey: "copy"}, nil))
		return fields{"body": read(result.Response, nil), "author": result.Response.Headers.Get("X-Oss-Meta-Author")}
	},
	"AppendObject": func() fields {
		next := must(bucket.AppendObject("log", strings.NewReader("hello, "), 0))
		next = must(bucket.AppendObject("log", strings.NewReader("world"), next))
		return fields{"position": next, "body": read(bucket.GetObject("log"))}
	},
	"PutSymlink": none(func() error { return bucket.PutSymlink("link", "log") }),
	"GetSymlink": func() fields {
		return fields{"target": must(bucket.GetSymlink("link")).Get(oss.HTTPHeaderOssSymlinkTarget)}
	},
	"ListObjects": listObjects,
	"ListObjectsV2": func() fields {
		result := must(bucket.ListObjectsV2(oss.Prefix("list/"), oss.Delimiter("/")))
		return fields{"keys": keysOf(result.Objects), "prefixes": result.CommonPrefixes}
	},
	"DeleteObject": func() fields {
		check(bucket.DeleteObject("copy"))
		_, err := bucket.GetObject("copy")
		status, _ := fault(err)
		return fields{"after": status}
	},
	"DeleteMultipleObjects": func() fields {
		keys := must(bucket.DeleteObjects([]string{"list/1", "list/2", "list/sub/3"})).DeletedObjects
		slices.Sort(keys)
		return fields{"keys": keys}
	},
	"presigned GET, V1": presign(oss.HTTPGet, "v1", key),
	"presigned GET, V4": presign(oss.HTTPGet, "v4", key),
	"presigned PUT, V1": presign(oss.HTTPPut, "v1", "presigned"),
	"presigned PUT, V4": presign(oss.HTTPPut, "v4", "presigned"),
	"GetObject at http://localhost": func() fields {
		here := strings.Replace(os.Getenv("MATRIX_ENDPOINT"), "127.0.0.1", "localhost", 1)
		by := must(oss.New(here, os.Getenv("MATRIX_KEY_ID"), os.Getenv("MATRIX_KEY_SECRET"), oss.ForcePathStyle(true)))
		return fetch(must(by.Bucket(name)), key)
	},
	"STS token": func() fields {
		by := open(os.Getenv("MATRIX_SIGNATURE"), os.Getenv("MATRIX_STS_ID"), os.Getenv("MATRIX_STS_SECRET"), os.Getenv("MATRIX_STS_TOKEN"))
		return fetch(must(by.Bucket(name)), key)
	},
	"GetObject by the alias of an access point": func() fields {
		return fetch(must(client.Bucket(os.Getenv("MATRIX_ALIAS"))), os.Getenv("MATRIX_ALIAS_KEY"))
	},
	"transformed GetObject": func() fields {
		return fetch(must(client.Bucket(os.Getenv("MATRIX_OBJECT_FC_ALIAS"))), os.Getenv("MATRIX_ALIAS_KEY"))
	},
	"transformed GetObject, a parameter": func() fields {
		return fetch(must(client.Bucket(os.Getenv("MATRIX_OBJECT_FC_ALIAS"))), os.Getenv("MATRIX_ALIAS_KEY"), oss.AddParam("say", "a b/ü"))
	},
}

var parts = map[string]func() fields{
	"InitiateMultipartUpload": func() fields {
		upload = must(bucket.InitiateMultipartUpload("parts"))
		return fields{"given": upload.UploadID != ""}
	},
	"UploadPart": func() fields {
		part := must(bucket.UploadPart(upload, strings.NewReader(strings.Repeat("a", 102400)), 102400, 1))
		done = []oss.UploadPart{part}
		return fields{"etag": strings.Trim(part.ETag, `"`)}
	},
	"UploadPartCopy": func() fields {
		part := must(bucket.UploadPartCopy(upload, name, key, 4, 5, 2))
		done = append(done, part)
		return fields{"etag": strings.Trim(part.ETag, `"`)}
	},
	"ListParts": func() fields {
		sizes := []int{}
		for _, part := range must(bucket.ListUploadedParts(upload)).UploadedParts {
			sizes = append(sizes, part.Size)
		}
		return fields{"sizes": sizes}
	},
	"ListMultipartUploads": func() fields { return fields{"keys": uploads()} },
	"CompleteMultipartUpload": func() fields {
		etag := strings.Trim(must(bucket.CompleteMultipartUpload(upload, done)).ETag, `"`)
		_, count, _ := strings.Cut(etag, "-")
		return fields{"parts": count, "size": sizeOf(must(bucket.GetObjectDetailedMeta("parts")))}
	},
	"AbortMultipartUpload": func() fields {
		check(bucket.AbortMultipartUpload(must(bucket.InitiateMultipartUpload("given-up"))))
		return fields{"left": len(uploads(oss.Prefix("given-up")))}
	},
	"the client's uploader": func() fields {
		return inFolder(func(path string) fields {
			check(os.WriteFile(path, []byte(strings.Repeat("0123456789", 30720)), 0o600))
			check(bucket.UploadFile("big", path, 102400, oss.Routines(3), oss.Checkpoint(true, path+".cp")))
			head := must(bucket.GetObjectDetailedMeta("big"))
			return fields{"size": sizeOf(head), "type": head.Get("X-Oss-Object-Type")}
		})
	},
	"the client's downloader": func() fields {
		return inFolder(func(path string) fields {
			check(bucket.DownloadFile("big", path, 102400, oss.Routines(3), oss.Checkpoint(true, path+".cp")))
			return fields{"md5": md5Of(must(os.ReadFile(path)))}
		})
	},
}
