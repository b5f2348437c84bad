"""Carries out scripted steps with oss2 and prints what came back as JSON.

Standard input: {endpoint, accessKeyId, accessKeySecret, region, signature, steps}; standard output: {sdk, version, results}.
The oss2 that is used is the one that PYTHONPATH names.
"""
import base64
import json
import sys

import oss2

import store

job = json.load(sys.stdin)
secret = (job["accessKeyId"], job["accessKeySecret"])
if job["accessKeyId"] == "":
    auth = oss2.AnonymousAuth()
else:
    auth = oss2.AuthV4(*secret) if job["signature"] == "v4" else oss2.Auth(*secret)


def bucket(step):
    return oss2.Bucket(auth, job["endpoint"], step["bucket"], region=job["region"])


def describe(head):
    headers = {name.lower(): value for name, value in head.items()}
    return {
        "etag": headers.get("etag", "").strip('"'),
        "contentType": headers.get("content-type"),
        "size": int(headers.get("content-length", -1)),
        "crc64": headers.get("x-oss-hash-crc64ecma"),
        "meta": {name[len("x-oss-meta-"):]: value for name, value in headers.items() if name.startswith("x-oss-meta-")},
    }


def conditions(step):
    names = {"ifMatch": "If-Match", "ifNoneMatch": "If-None-Match"}
    return {names[name]: step[name] for name in names if name in step}


def create_bucket(step):
    return {"requestId": bucket(step).create_bucket().request_id}


def delete_bucket(step):
    return {"requestId": bucket(step).delete_bucket().request_id}


def list_buckets(step):
    return {"names": [entry.name for entry in oss2.Service(auth, job["endpoint"], region=job["region"]).list_buckets().buckets]}


def put(step):
    headers = {"x-oss-meta-" + name: value for name, value in step.get("meta", {}).items()}
    if "contentType" in step:
        headers["Content-Type"] = step["contentType"]
    result = bucket(step).put_object(step["key"], base64.b64decode(step["body"]), headers=headers)
    return {"requestId": result.request_id, "etag": result.etag, "crc64": str(result.crc)}


def get(step):
    byte_range = tuple(step["range"]) if "range" in step else None
    result = bucket(step).get_object(step["key"], byte_range=byte_range, headers=conditions(step))
    body = result.read()
    return {**describe(result.headers), "status": result.status, "body": base64.b64encode(body).decode(), "requestId": result.request_id}


def process(step):
    result = bucket(step).get_object(step["key"], process=step["process"])
    body = result.read()
    return {**describe(result.headers), "status": result.status, "body": base64.b64encode(body).decode()}


def head(step):
    return describe(bucket(step).head_object(step["key"]).headers)


def object_meta(step):
    return describe(bucket(step).get_object_meta(step["key"]).headers)


def list_v1(step):
    result = bucket(step).list_objects(step.get("prefix", ""), step.get("delimiter", ""), step.get("after", ""), step.get("maxKeys", 100))
    return {"keys": [entry.key for entry in result.object_list], "prefixes": result.prefix_list, "truncated": result.is_truncated}


def list_v2(step):
    result = bucket(step).list_objects_v2(step.get("prefix", ""), step.get("delimiter", ""), start_after=step.get("after", ""), max_keys=step.get("maxKeys", 100))
    return {"keys": [entry.key for entry in result.object_list], "prefixes": result.prefix_list, "truncated": result.is_truncated}


def delete(step):
    return {"requestId": bucket(step).delete_object(step["key"]).request_id}


def delete_many(step):
    return {"keys": bucket(step).batch_delete_objects(step["keys"]).deleted_keys}


def presign(step):
    return {"url": bucket(step).sign_url("GET", step["key"], step.get("expires", 60), slash_safe=step.get("slashSafe", False))}


def service():
    return oss2.Service(auth, job["endpoint"], region=job["region"])


def status(result):
    return {"status": result.status}


def policy_text(result):
    return {"policy": result.policy if isinstance(result.policy, str) else result.policy.decode()}


access = {
    "putBucketAcl": lambda step: status(bucket(step).put_bucket_acl(step["acl"])),
    "getBucketAcl": lambda step: {"acl": bucket(step).get_bucket_acl().acl},
    "putObjectAcl": lambda step: status(bucket(step).put_object_acl(step["key"], step["acl"])),
    "getObjectAcl": lambda step: {"acl": bucket(step).get_object_acl(step["key"]).acl},
    "putBucketPolicy": lambda step: status(bucket(step).put_bucket_policy(step["policy"])),
    "getBucketPolicy": lambda step: policy_text(bucket(step).get_bucket_policy()),
    "deleteBucketPolicy": lambda step: status(bucket(step).delete_bucket_policy()),
    "putAccountBlock": lambda step: status(service().put_public_access_block(step["block"])),
    "getAccountBlock": lambda step: {"blocked": service().get_public_access_block().block_public_access},
    "deleteAccountBlock": lambda step: status(service().delete_public_access_block()),
    "putBucketBlock": lambda step: status(bucket(step).put_bucket_public_access_block(step["block"])),
    "getBucketBlock": lambda step: {"blocked": bucket(step).get_bucket_public_access_block().block_public_access},
    "deleteBucketBlock": lambda step: status(bucket(step).delete_bucket_public_access_block()),
    "putAccessPointBlock": lambda step: status(bucket(step).put_access_point_public_access_block(step["name"], step["block"])),
    "getAccessPointBlock": lambda step: {"blocked": bucket(step).get_access_point_public_access_block(step["name"]).block_public_access},
    "deleteAccessPointBlock": lambda step: status(bucket(step).delete_access_point_public_access_block(step["name"])),
    "putAccessPointPolicy": lambda step: status(bucket(step).put_access_point_policy(step["name"], step["policy"])),
    "getAccessPointPolicy": lambda step: policy_text(bucket(step).get_access_point_policy(step["name"])),
    "deleteAccessPointPolicy": lambda step: status(bucket(step).delete_access_point_policy(step["name"])),
}

operations = {
    **access,
    **store.operations(bucket, describe),
    "createBucket": create_bucket, "deleteBucket": delete_bucket, "listBuckets": list_buckets, "put": put, "get": get, "head": head,
    "objectMeta": object_meta, "process": process, "listV1": list_v1, "listV2": list_v2, "delete": delete, "deleteMany": delete_many, "presign": presign,
}


def carry_out(step):
    try:
        return {"ok": True, **operations[step["op"]](step)}
    except oss2.exceptions.OssError as fault:
        return {"ok": False, "status": fault.status, "code": fault.code, "requestId": fault.request_id, "message": fault.message or str(fault.body)}


json.dump({"sdk": "oss2", "version": oss2.__version__, "results": [carry_out(step) for step in job["steps"]]}, sys.stdout)
