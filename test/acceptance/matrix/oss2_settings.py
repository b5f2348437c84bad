"""Operations of the oss2 driver on settings of buckets, blocks on public access and access points."""
import json

from oss2 import models


def tagging(tags):
    rule = models.TaggingRule()
    for label, value in tags.items():
        rule.add(label, value)
    return models.Tagging(rule)


def tags_of(result):
    return dict(result.tag_set.tagging_rule)


def operations(env, bucket, service, code_of, none):
    def get_policy():
        policy = bucket.get_bucket_policy().policy
        return {"policy": json.loads(policy)}

    def delete_policy():
        bucket.delete_bucket_policy()
        return {"code": code_of(bucket.get_bucket_policy)}

    def put_cors():
        rule = models.CorsRule(allowed_origins=["http://a.example"], allowed_methods=["GET", "PUT"], allowed_headers=["*"], max_age_seconds=60)
        bucket.put_bucket_cors(models.BucketCors([rule]))

    def delete_cors():
        bucket.delete_bucket_cors()
        return {"code": code_of(bucket.get_bucket_cors)}

    def get_referer():
        result = bucket.get_bucket_referer()
        return {"referers": list(result.referers), "empty": result.allow_empty_referer}

    def delete_bucket_tags():
        bucket.delete_bucket_tagging()
        return {"tags": tags_of(bucket.get_bucket_tagging())}

    def delete_bucket_block():
        bucket.delete_bucket_public_access_block()
        return {"blocked": bucket.get_bucket_public_access_block().block_public_access}

    def create_access_point():
        result = bucket.create_access_point(models.CreateAccessPointRequest(env["access_point"], "internet"))
        return {"kind": result.alias.split("-")[-1]}

    def get_access_point():
        result = bucket.get_access_point(env["access_point"])
        return {"name": result.access_point_name, "bucket": result.bucket}

    def list_access_points():
        return {"found": env["access_point"] in [each.access_point_name for each in bucket.list_bucket_access_points().access_points]}

    def get_access_point_policy():
        return {"policy": json.loads(bucket.get_access_point_policy(env["access_point"]).policy)}

    def delete_access_point_policy():
        bucket.delete_access_point_policy(env["access_point"])
        return {"code": code_of(lambda: bucket.get_access_point_policy(env["access_point"]))}

    def get_access_point_block():
        return {"blocked": bucket.get_access_point_public_access_block(env["access_point"]).block_public_access}

    def delete_access_point():
        bucket.delete_access_point(env["access_point"])
        return {"code": code_of(lambda: bucket.get_access_point(env["access_point"]))}

    return {
        "PutBucketTags": none(lambda: bucket.put_bucket_tagging(tagging({"team": "a"}))),
        "GetBucketTags": lambda: {"tags": tags_of(bucket.get_bucket_tagging())},
        "DeleteBucketTags": delete_bucket_tags,
        "PutBucketPolicy": none(lambda: bucket.put_bucket_policy(env["policy"])),
        "GetBucketPolicy": get_policy,
        "DeleteBucketPolicy": delete_policy,
        "PutBucketCors": none(put_cors),
        "GetBucketCors": lambda: {"origins": [origin for rule in bucket.get_bucket_cors().rules for origin in rule.allowed_origins]},
        "DeleteBucketCors": delete_cors,
        "PutBucketReferer": none(lambda: bucket.put_bucket_referer(models.BucketReferer(True, ["http://a.example"]))),
        "GetBucketReferer": get_referer,
        "PutBucketPublicAccessBlock": none(lambda: bucket.put_bucket_public_access_block(True)),
        "GetBucketPublicAccessBlock": lambda: {"blocked": bucket.get_bucket_public_access_block().block_public_access},
        "DeleteBucketPublicAccessBlock": delete_bucket_block,
        "PutPublicAccessBlock": none(lambda: service.put_public_access_block(False)),
        "GetPublicAccessBlock": lambda: {"blocked": service.get_public_access_block().block_public_access},
        "DeletePublicAccessBlock": none(lambda: service.delete_public_access_block()),
        "CreateAccessPoint": create_access_point,
        "GetAccessPoint": get_access_point,
        "ListAccessPoints": list_access_points,
        "PutAccessPointPolicy": none(lambda: bucket.put_access_point_policy(env["access_point"], env["access_point_policy"])),
        "GetAccessPointPolicy": get_access_point_policy,
        "DeleteAccessPointPolicy": delete_access_point_policy,
        "PutAccessPointPublicAccessBlock": none(lambda: bucket.put_access_point_public_access_block(env["access_point"], True)),
        "GetAccessPointPublicAccessBlock": get_access_point_block,
        "DeleteAccessPointPublicAccessBlock": none(lambda: bucket.delete_access_point_public_access_block(env["access_point"])),
        "DeleteAccessPoint": delete_access_point,
    }
