package main

import (
	"os"
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
)

func bucketTags() fields {
	tagging := must(client.GetBucketTags(ctx, &oss.GetBucketTagsRequest{Bucket: name})).Tagging
	if tagging == nil || tagging.TagSet == nil {
		return tagsOf(nil)
	}
	return tagsOf(tagging.TagSet.Tags)
}

func blocked(config *oss.PublicAccessBlockConfiguration) fields {
	return fields{"blocked": *config.BlockPublicAccess}
}

func block(isOn bool) *oss.PublicAccessBlockConfiguration {
	return &oss.PublicAccessBlockConfiguration{BlockPublicAccess: oss.Ptr(isOn)}
}

func bucketBlock() fields {
	return blocked(must(client.GetBucketPublicAccessBlock(ctx, &oss.GetBucketPublicAccessBlockRequest{Bucket: name})).PublicAccessBlockConfiguration)
}

var settings = map[string]func() fields{
	"PutBucket": none(func() (*oss.PutBucketResult, error) {
		return client.PutBucket(ctx, &oss.PutBucketRequest{Bucket: name})
	}),
	"ListBuckets": func() fields {
		found := false
		for _, each := range must(client.ListBuckets(ctx, &oss.ListBucketsRequest{Prefix: name})).Buckets {
			found = found || *each.Name == *name
		}
		return fields{"found": found}
	},
	"GetBucketInfo": func() fields {
		info := must(client.GetBucketInfo(ctx, &oss.GetBucketInfoRequest{Bucket: name})).BucketInfo
		return fields{"name": info.Name, "acl": info.ACL}
	},
	"GetBucketLocation": func() fields {
		return fields{"location": must(client.GetBucketLocation(ctx, &oss.GetBucketLocationRequest{Bucket: name})).LocationConstraint}
	},
	"PutBucketAcl": none(func() (*oss.PutBucketAclResult, error) {
		return client.PutBucketAcl(ctx, &oss.PutBucketAclRequest{Bucket: name, Acl: oss.BucketACLPublicRead})
	}),
	"GetBucketAcl": func() fields {
		return fields{"acl": must(client.GetBucketAcl(ctx, &oss.GetBucketAclRequest{Bucket: name})).ACL}
	},
	"GetBucketStat": func() fields {
		return fields{"objects": must(client.GetBucketStat(ctx, &oss.GetBucketStatRequest{Bucket: name})).ObjectCount}
	},
	"PutBucketTags": none(func() (*oss.PutBucketTagsResult, error) {
		return client.PutBucketTags(ctx, &oss.PutBucketTagsRequest{Bucket: name, Tagging: tagging("team", "a")})
	}),
	"GetBucketTags": bucketTags,
	"DeleteBucketTags": func() fields {
		must(client.DeleteBucketTags(ctx, &oss.DeleteBucketTagsRequest{Bucket: name}))
		return bucketTags()
	},
	"PutBucketPolicy": none(func() (*oss.PutBucketPolicyResult, error) {
		return client.PutBucketPolicy(ctx, &oss.PutBucketPolicyRequest{Bucket: name, Body: strings.NewReader(os.Getenv("MATRIX_POLICY"))})
	}),
	"GetBucketPolicy": func() fields {
		return decoded(must(client.GetBucketPolicy(ctx, &oss.GetBucketPolicyRequest{Bucket: name})).Body)
	},
	"GetBucketPolicyStatus": func() fields {
		return fields{"public": must(client.GetBucketPolicyStatus(ctx, &oss.GetBucketPolicyStatusRequest{Bucket: name})).PolicyStatus.IsPublic}
	},
	"DeleteBucketPolicy": func() fields {
		must(client.DeleteBucketPolicy(ctx, &oss.DeleteBucketPolicyRequest{Bucket: name}))
		return fields{"code": refusal(client.GetBucketPolicy(ctx, &oss.GetBucketPolicyRequest{Bucket: name})).Code}
	},
	"PutBucketCors": none(func() (*oss.PutBucketCorsResult, error) {
		rule := oss.CORSRule{
			AllowedOrigins: []string{"http://a.example"}, AllowedMethods: []string{"GET", "PUT"}, AllowedHeaders: []string{"*"}, MaxAgeSeconds: oss.Ptr(int64(60)),
		}
		return client.PutBucketCors(ctx, &oss.PutBucketCorsRequest{Bucket: name, CORSConfiguration: &oss.CORSConfiguration{CORSRules: []oss.CORSRule{rule}}})
	}),
	"GetBucketCors": func() fields {
		origins := []string{}
		for _, rule := range must(client.GetBucketCors(ctx, &oss.GetBucketCorsRequest{Bucket: name})).CORSConfiguration.CORSRules {
			origins = append(origins, rule.AllowedOrigins...)
		}
		return fields{"origins": origins}
	},
	"OptionObject": func() fields {
		return fields{"origin": must(client.OptionObject(ctx, &oss.OptionObjectRequest{
			Bucket: name, Key: oss.Ptr(key), Origin: oss.Ptr("http://a.example"), AccessControlRequestMethod: oss.Ptr("PUT"),
		})).AccessControlAllowOrigin}
	},
	"DeleteBucketCors": func() fields {
		must(client.DeleteBucketCors(ctx, &oss.DeleteBucketCorsRequest{Bucket: name}))
		return fields{"code": refusal(client.GetBucketCors(ctx, &oss.GetBucketCorsRequest{Bucket: name})).Code}
	},
	"PutBucketReferer": none(func() (*oss.PutBucketRefererResult, error) {
		allowed := &oss.RefererConfiguration{AllowEmptyReferer: oss.Ptr(true), RefererList: &oss.RefererList{Referers: []string{"http://a.example"}}}
		return client.PutBucketReferer(ctx, &oss.PutBucketRefererRequest{Bucket: name, RefererConfiguration: allowed})
	}),
	"GetBucketReferer": func() fields {
		result := must(client.GetBucketReferer(ctx, &oss.GetBucketRefererRequest{Bucket: name})).RefererConfiguration
		return fields{"referers": result.RefererList.Referers, "empty": result.AllowEmptyReferer}
	},
	"PutBucketPublicAccessBlock": none(func() (*oss.PutBucketPublicAccessBlockResult, error) {
		return client.PutBucketPublicAccessBlock(ctx, &oss.PutBucketPublicAccessBlockRequest{Bucket: name, PublicAccessBlockConfiguration: block(true)})
	}),
	"GetBucketPublicAccessBlock": bucketBlock,
	"DeleteBucketPublicAccessBlock": func() fields {
		must(client.DeleteBucketPublicAccessBlock(ctx, &oss.DeleteBucketPublicAccessBlockRequest{Bucket: name}))
		return bucketBlock()
	},
	"PutPublicAccessBlock": none(func() (*oss.PutPublicAccessBlockResult, error) {
		return client.PutPublicAccessBlock(ctx, &oss.PutPublicAccessBlockRequest{PublicAccessBlockConfiguration: block(false)})
	}),
	"GetPublicAccessBlock": func() fields {
		return blocked(must(client.GetPublicAccessBlock(ctx, &oss.GetPublicAccessBlockRequest{})).PublicAccessBlockConfiguration)
	},
	"DeletePublicAccessBlock": none(func() (*oss.DeletePublicAccessBlockResult, error) {
		return client.DeletePublicAccessBlock(ctx, &oss.DeletePublicAccessBlockRequest{})
	}),
	"DeleteBucket": func() fields {
		other := oss.Ptr(*name + "-gone")
		must(client.PutBucket(ctx, &oss.PutBucketRequest{Bucket: other}))
		must(client.DeleteBucket(ctx, &oss.DeleteBucketRequest{Bucket: other}))
		return fields{"code": refusal(client.GetBucketInfo(ctx, &oss.GetBucketInfoRequest{Bucket: other})).Code}
	},
}
