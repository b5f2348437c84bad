"""Operations of the driver of alibabacloud-oss-v2 on settings of buckets, blocks on public access and access points."""
import json

import alibabacloud_oss_v2 as oss
from alibabacloud_oss_v2 import models


def tagging(tags):
    return models.Tagging(tag_set=models.TagSet(tags=[models.Tag(key=label, value=value) for label, value in tags.items()]))


def tags_of(tag_set):
    return {tag.key: tag.value for tag in (tag_set.tags if tag_set else None) or []}


def blocked(result):
    return {"blocked": result.public_access_block_configuration.block_public_access}


def block(is_on):
    return {"public_access_block_configuration": oss.PublicAccessBlockConfiguration(block_public_access=is_on)}


def operations(env, client, on, fault_of, none, key):
    point = env["access_point"]

    def delete_bucket_tags():
        client.delete_bucket_tags(on(oss.DeleteBucketTagsRequest))
        return get_bucket_tags()

    def get_bucket_tags():
        result = client.get_bucket_tags(on(oss.GetBucketTagsRequest))
        return {"tags": tags_of(result.tagging.tag_set if result.tagging else None)}

    def delete_policy():
        client.delete_bucket_policy(on(oss.DeleteBucketPolicyRequest))
        return {"code": fault_of(lambda: client.get_bucket_policy(on(oss.GetBucketPolicyRequest))).code}

    def put_cors():
        rule = oss.CORSRule(allowed_origins=["http://a.example"], allowed_methods=["GET", "PUT"], allowed_headers=["*"], max_age_seconds=60)
        client.put_bucket_cors(on(oss.PutBucketCorsRequest, cors_configuration=oss.CORSConfiguration(cors_rules=[rule])))

    def get_cors():
        rules = client.get_bucket_cors(on(oss.GetBucketCorsRequest)).cors_configuration.cors_rules
        return {"origins": [origin for rule in rules for origin in rule.allowed_origins]}

    def option_object():
        request = on(oss.OptionObjectRequest, key=key, origin="http://a.example", access_control_request_method="PUT")
        return {"origin": client.option_object(request).access_control_allow_origin}

    def delete_cors():
        client.delete_bucket_cors(on(oss.DeleteBucketCorsRequest))
        return {"code": fault_of(lambda: client.get_bucket_cors(on(oss.GetBucketCorsRequest))).code}

    def put_referer():
        allowed = oss.RefererConfiguration(allow_empty_referer=True, referer_list=oss.RefererList(referers=["http://a.example"]))
        client.put_bucket_referer(on(oss.PutBucketRefererRequest, referer_configuration=allowed))

    def get_referer():
        result = client.get_bucket_referer(on(oss.GetBucketRefererRequest)).referer_configuration
        return {"referers": result.referer_list.referers, "empty": result.allow_empty_referer}

    def get_bucket_block():
        return blocked(client.get_bucket_public_access_block(on(oss.GetBucketPublicAccessBlockRequest)))

    def delete_bucket_block():
        client.delete_bucket_public_access_block(on(oss.DeleteBucketPublicAccessBlockRequest))
        return get_bucket_block()

    def create_access_point():
        wanted = oss.CreateAccessPointConfiguration(access_point_name=point, network_origin="internet")
        return {"kind": client.create_access_point(on(oss.CreateAccessPointRequest, create_access_point_configuration=wanted)).alias.split("-")[-1]}

    def get_access_point():
        result = client.get_access_point(on(oss.GetAccessPointRequest, access_point_name=point))
        return {"name": result.access_point_name, "bucket": result.bucket}

    def list_access_points():
        return {"found": point in [each.access_point_name for each in client.list_access_points(on(oss.ListAccessPointsRequest)).access_points]}

    def at(request, **fields):
        return on(request, access_point_name=point, **fields)

    def delete_access_point_policy():
        client.delete_access_point_policy(at(oss.DeleteAccessPointPolicyRequest))
        return {"code": fault_of(lambda: client.get_access_point_policy(at(oss.GetAccessPointPolicyRequest))).code}

    def delete_access_point():
        client.delete_access_point(at(oss.DeleteAccessPointRequest))
        return {"code": fault_of(lambda: client.get_access_point(at(oss.GetAccessPointRequest))).code}

    return {
        "PutBucketTags": none(lambda: client.put_bucket_tags(on(oss.PutBucketTagsRequest, tagging=tagging({"team": "a"})))),
        "GetBucketTags": get_bucket_tags,
        "DeleteBucketTags": delete_bucket_tags,
        "PutBucketPolicy": none(lambda: client.put_bucket_policy(on(oss.PutBucketPolicyRequest, body=env["policy"]))),
        "GetBucketPolicy": lambda: {"policy": json.loads(client.get_bucket_policy(on(oss.GetBucketPolicyRequest)).body)},
        "GetBucketPolicyStatus": lambda: {"public": client.get_bucket_policy_status(on(oss.GetBucketPolicyStatusRequest)).policy_status.is_public},
        "DeleteBucketPolicy": delete_policy,
        "PutBucketCors": none(put_cors),
        "GetBucketCors": get_cors,
        "OptionObject": option_object,
        "DeleteBucketCors": delete_cors,
        "PutBucketReferer": none(put_referer),
        "GetBucketReferer": get_referer,
        "PutBucketPublicAccessBlock": none(lambda: client.put_bucket_public_access_block(on(oss.PutBucketPublicAccessBlockRequest, **block(True)))),
        "GetBucketPublicAccessBlock": get_bucket_block,
        "DeleteBucketPublicAccessBlock": delete_bucket_block,
        "PutPublicAccessBlock": none(lambda: client.put_public_access_block(oss.PutPublicAccessBlockRequest(**block(False)))),
        "GetPublicAccessBlock": lambda: blocked(client.get_public_access_block(oss.GetPublicAccessBlockRequest())),
        "DeletePublicAccessBlock": none(lambda: client.delete_public_access_block(oss.DeletePublicAccessBlockRequest())),
        "CreateAccessPoint": create_access_point,
        "GetAccessPoint": get_access_point,
        "ListAccessPoints": list_access_points,
        "PutAccessPointPolicy": none(lambda: client.put_access_point_policy(at(oss.PutAccessPointPolicyRequest, body=env["access_point_policy"]))),
        "GetAccessPointPolicy": lambda: {"policy": json.loads(client.get_access_point_policy(at(oss.GetAccessPointPolicyRequest)).body)},
        "DeleteAccessPointPolicy": delete_access_point_policy,
        "PutAccessPointPublicAccessBlock": none(
            lambda: client.put_access_point_public_access_block(at(oss.PutAccessPointPublicAccessBlockRequest, **block(True)))),
        "GetAccessPointPublicAccessBlock": lambda: blocked(client.get_access_point_public_access_block(at(oss.GetAccessPointPublicAccessBlockRequest))),
        "DeleteAccessPointPublicAccessBlock": none(
            lambda: client.delete_access_point_public_access_block(at(oss.DeleteAccessPointPublicAccessBlockRequest))),
        "DeleteAccessPoint": delete_access_point,
    }
