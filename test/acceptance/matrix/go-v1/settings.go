package main

import (
	"os"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
)

func codeOf(err error) fields {
	_, code := fault(err)
	return fields{"code": code}
}

var settings = map[string]func() fields{
	"PutBucket": none(func() error { return client.CreateBucket(name) }),
	"ListBuckets": func() fields {
		found := false
		for _, each := range must(client.ListBuckets(oss.Prefix(name))).Buckets {
			found = found || each.Name == name
		}
		return fields{"found": found}
	},
	"GetBucketInfo": func() fields {
		info := must(client.GetBucketInfo(name)).BucketInfo
		return fields{"name": info.Name, "acl": info.ACL}
	},
	"GetBucketLocation": func() fields { return fields{"location": must(client.GetBucketLocation(name))} },
	"PutBucketAcl":      none(func() error { return client.SetBucketACL(name, oss.ACLPublicRead) }),
	"GetBucketAcl":      func() fields { return fields{"acl": must(client.GetBucketACL(name)).ACL} },
	"GetBucketStat":     func() fields { return fields{"objects": must(client.GetBucketStat(name)).ObjectCount} },
	"PutBucketTags":     none(func() error { return client.SetBucketTagging(name, tagging("team", "a")) }),
	"GetBucketTags":     func() fields { return tagsOf(must(client.GetBucketTagging(name)).Tags) },
	"DeleteBucketTags": func() fields {
		check(client.DeleteBucketTagging(name))
		return tagsOf(must(client.GetBucketTagging(name)).Tags)
	},
	"PutBucketPolicy": none(func() error { return client.SetBucketPolicy(name, os.Getenv("MATRIX_POLICY")) }),
	"GetBucketPolicy": func() fields { return decoded(client.GetBucketPolicy(name)) },
	"DeleteBucketPolicy": func() fields {
		check(client.DeleteBucketPolicy(name))
		_, err := client.GetBucketPolicy(name)
		return codeOf(err)
	},
	"PutBucketCors": none(func() error {
		rule := oss.CORSRule{
			AllowedOrigin: []string{"http://a.example"}, AllowedMethod: []string{"GET", "PUT"}, AllowedHeader: []string{"*"}, MaxAgeSeconds: 60,
		}
		return client.SetBucketCORS(name, []oss.CORSRule{rule})
	}),
	"GetBucketCors": func() fields {
		origins := []string{}
		for _, rule := range must(client.GetBucketCORS(name)).CORSRules {
			origins = append(origins, rule.AllowedOrigin...)
		}
		return fields{"origins": origins}
	},
	"OptionObject": func() fields {
		head := must(bucket.OptionsMethod(key, oss.Origin("http://a.example"), oss.ACReqMethod("PUT")))
		return fields{"origin": head.Get("Access-Control-Allow-Origin")}
	},
	"DeleteBucketCors": func() fields {
		check(client.DeleteBucketCORS(name))
		_, err := client.GetBucketCORS(name)
		return codeOf(err)
	},
	"PutBucketReferer": none(func() error { return client.SetBucketReferer(name, []string{"http://a.example"}, true) }),
	"GetBucketReferer": func() fields {
		result := must(client.GetBucketReferer(name))
		return fields{"referers": result.RefererList, "empty": result.AllowEmptyReferer}
	},
	"DeleteBucket": func() fields {
		other := name + "-gone"
		check(client.CreateBucket(other))
		check(client.DeleteBucket(other))
		_, err := client.GetBucketInfo(other)
		return codeOf(err)
	},
}
