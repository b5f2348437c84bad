"""The operations of the matrix with oss2: names as arguments, one line of JSON for each on standard output. The environment is told in matrix.test.ts."""
import hashlib
import json
import os
import sys
import tempfile

import oss2
from oss2 import models

import oss2_features
import oss2_settings
from oss2_settings import tagging, tags_of

env = {name[len("MATRIX_"):].lower(): value for name, value in os.environ.items() if name.startswith("MATRIX_")}
endpoint, access_key_id, access_key_secret, region = env["endpoint"], env["key_id"], env["key_secret"], "cn-qingdao"
name, text, key = env["bucket"], b"The quick brown fox\n", "a b/ü+%.txt"
signers = {"v1": oss2.Auth, "v4": oss2.AuthV4}
auth = signers[env["signature"]](access_key_id, access_key_secret)
service = oss2.Service(auth, endpoint, region=region)
state = {}


def open_bucket(called, by=auth):
    return oss2.Bucket(by, endpoint, called, region=region)


bucket = open_bucket(name)


def connect():
    # connect>
    auth = oss2.AuthV4(access_key_id, access_key_secret)
    bucket = oss2.Bucket(auth, endpoint, "demo", region="cn-qingdao")

    bucket.put_object("hello.txt", b"hello")
    body = bucket.get_object("hello.txt").read()
    names = [entry.key for entry in oss2.ObjectIterator(bucket)]
    # <connect
    return {"body": body.decode(), "names": names}


def code_of(run):
    """The server's code for what has to fail."""
    try:
        run()
    except oss2.exceptions.OssError as fault:
        return fault.code
    return "no error"


def status_of(run):
    try:
        return run().status
    except oss2.exceptions.OssError as fault:
        return fault.status


def none(run):
    """An operation whose success is all that it tells; a later row reads what it did."""
    def operation():
        run()
        return {}
    return operation


def get_bucket_info():
    info = bucket.get_bucket_info()
    return {"name": info.name, "acl": info.acl.grant}


def put_object():
    result = bucket.put_object(key, text, headers={"Content-Type": "text/x-fox", "x-oss-meta-author": "alice"})
    return {"etag": result.etag}


def get_object():
    result = bucket.get_object(key)
    return {"body": result.read().decode(), "type": result.content_type, "author": result.headers["x-oss-meta-author"]}


def conditions():
    same = status_of(lambda: bucket.get_object(key, headers={"If-None-Match": '"%s"' % hashlib.md5(text).hexdigest().upper()}))
    other = status_of(lambda: bucket.get_object(key, headers={"If-Match": '"00000000000000000000000000000000"'}))
    return {"same": same, "other": other}


def head_object():
    result = bucket.head_object(key)
    return {"size": result.content_length, "type": result.content_type, "author": result.headers["x-oss-meta-author"]}


def get_object_meta():
    result = bucket.get_object_meta(key)
    return {"size": result.content_length, "etag": result.etag}


def delete_object_tagging():
    bucket.delete_object_tagging(key)
    return {"tags": tags_of(bucket.get_object_tagging(key))}


def copy_object():
    bucket.copy_object(name, key, "copy", headers={"x-oss-metadata-directive": "REPLACE", "x-oss-meta-author": "bob"})
    result = bucket.get_object("copy")
    return {"body": result.read().decode(), "author": result.headers["x-oss-meta-author"]}


def append_object():
    first = bucket.append_object("log", 0, b"hello, ")
    second = bucket.append_object("log", first.next_position, b"world", init_crc=first.crc)
    return {"position": second.next_position, "body": bucket.get_object("log").read().decode()}


def list_objects():
    for each in ("list/1", "list/2", "list/sub/3"):
        bucket.put_object(each, b"")
    result = bucket.list_objects("list/", "/")
    return {"keys": [entry.key for entry in result.object_list], "prefixes": result.prefix_list}


def list_objects_v2():
    result = bucket.list_objects_v2("list/", "/")
    return {"keys": [entry.key for entry in result.object_list], "prefixes": result.prefix_list}


def delete_object():
    bucket.delete_object("copy")
    return {"after": status_of(lambda: bucket.get_object("copy"))}


def delete_many():
    return {"keys": sorted(bucket.batch_delete_objects(["list/1", "list/2", "list/sub/3"]).deleted_keys)}


def initiate():
    state["upload"] = bucket.init_multipart_upload("parts").upload_id
    return {"given": state["upload"] != ""}


def upload_part():
    state["parts"] = [models.PartInfo(1, bucket.upload_part("parts", state["upload"], 1, b"a" * 102400).etag)]
    return {"etag": state["parts"][0].etag}


def upload_part_copy():
    state["parts"].append(models.PartInfo(2, bucket.upload_part_copy(name, key, (4, 8), "parts", state["upload"], 2).etag))
    return {"etag": state["parts"][1].etag.strip('"')}


def list_parts():
    return {"sizes": [part.size for part in bucket.list_parts("parts", state["upload"]).parts]}


def list_uploads():
    return {"keys": [entry.key for entry in bucket.list_multipart_uploads().upload_list]}


def complete():
    etag = bucket.complete_multipart_upload("parts", state["upload"], state["parts"]).etag
    return {"parts": etag.split("-")[-1], "size": bucket.head_object("parts").content_length}


def abort():
    upload = bucket.init_multipart_upload("given-up").upload_id
    bucket.abort_multipart_upload("given-up", upload)
    return {"left": len(bucket.list_multipart_uploads(prefix="given-up").upload_list)}


def uploader():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "big")
        with open(path, "wb") as file:
            file.write(b"0123456789" * 30720)
        kept = oss2.ResumableStore(root=folder)
        oss2.resumable_upload(bucket, "big", path, store=kept, multipart_threshold=102400, part_size=102400, num_threads=3)
    head = bucket.head_object("big")
    return {"size": head.content_length, "type": head.object_type}


def downloader():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "big")
        kept = oss2.ResumableDownloadStore(root=folder)
        oss2.resumable_download(bucket, "big", path, store=kept, multiget_threshold=102400, part_size=102400, num_threads=3)
        with open(path, "rb") as file:
            return {"md5": hashlib.md5(file.read()).hexdigest()}


def presign(method, signature, called):
    by = open_bucket(name, signers[signature](access_key_id, access_key_secret))
    return {"url": by.sign_url(method, called, 600, slash_safe=True)}


def at_localhost():
    by = oss2.Bucket(auth, endpoint.replace("127.0.0.1", "localhost"), name, region=region)
    return {"body": by.get_object(key).read().decode()}


def sts_token():
    by = oss2.StsAuth(env["sts_id"], env["sts_secret"], env["sts_token"], auth_version=env["signature"])
    return {"body": open_bucket(name, by).get_object(key).read().decode()}


def delete_bucket():
    other = open_bucket(name + "-gone")
    other.create_bucket()
    other.delete_bucket()
    return {"code": code_of(other.get_bucket_info)}


operations = {
    "connect": connect,
    "PutBucket": none(lambda: bucket.create_bucket()),
    "ListBuckets": lambda: {"found": name in [each.name for each in service.list_buckets(prefix=name).buckets]},
    "GetBucketInfo": get_bucket_info,
    "GetBucketLocation": lambda: {"location": bucket.get_bucket_location().location},
    "PutBucketAcl": none(lambda: bucket.put_bucket_acl("public-read")),
    "GetBucketAcl": lambda: {"acl": bucket.get_bucket_acl().acl},
    "PutObject": put_object,
    "GetBucketStat": lambda: {"objects": bucket.get_bucket_stat().object_count},
    "GetObject": get_object,
    "GetObject, a range": lambda: {"body": bucket.get_object(key, byte_range=(4, 8)).read().decode()},
    "GetObject, conditions": conditions,
    "HeadObject": head_object,
    "GetObjectMeta": get_object_meta,
    "PutObjectAcl": none(lambda: bucket.put_object_acl(key, "private")),
    "GetObjectAcl": lambda: {"acl": bucket.get_object_acl(key).acl},
    "PutObjectTagging": none(lambda: bucket.put_object_tagging(key, tagging({"color": "red"}))),
    "GetObjectTagging": lambda: {"tags": tags_of(bucket.get_object_tagging(key))},
    "DeleteObjectTagging": delete_object_tagging,
    "CopyObject": copy_object,
    "AppendObject": append_object,
    "PutSymlink": none(lambda: bucket.put_symlink("log", "link")),
    "GetSymlink": lambda: {"target": bucket.get_symlink("link").target_key},
    "ListObjects": list_objects,
    "ListObjectsV2": list_objects_v2,
    "DeleteObject": delete_object,
    "DeleteMultipleObjects": delete_many,
    "InitiateMultipartUpload": initiate,
    "UploadPart": upload_part,
    "UploadPartCopy": upload_part_copy,
    "ListParts": list_parts,
    "ListMultipartUploads": list_uploads,
    "CompleteMultipartUpload": complete,
    "AbortMultipartUpload": abort,
    "the client's uploader": uploader,
    "the client's downloader": downloader,
    "presigned GET, V1": lambda: presign("GET", "v1", key),
    "presigned GET, V4": lambda: presign("GET", "v4", key),
    "presigned PUT, V1": lambda: presign("PUT", "v1", "presigned"),
    "presigned PUT, V4": lambda: presign("PUT", "v4", "presigned"),
    "GetObject at http://localhost": at_localhost,
    "STS token": sts_token,
    "GetObject by the alias of an access point": lambda: {"body": open_bucket(env["alias"]).get_object(env["alias_key"]).read().decode()},
    "transformed GetObject": lambda: {"body": open_bucket(env["object_fc_alias"]).get_object(env["alias_key"]).read().decode()},
    "transformed GetObject, a parameter": lambda: {
        "body": open_bucket(env["object_fc_alias"]).get_object(env["alias_key"], params={"say": "a b/ü"}).read().decode()},
    "DeleteBucket": delete_bucket,
}
operations.update(oss2_settings.operations(env, bucket, service, code_of, none))
operations.update(oss2_features.operations(env, bucket, open_bucket(name + "-v"), open_bucket(env["shared"]), service, code_of, none))
not_offered = {
    "GetBucketPolicyStatus", "OptionObject", "PostObject form, V1", "PostObject form, V4",
    "CreateAccessPointForObjectProcess", "GetAccessPointForObjectProcess", "ListAccessPointsForObjectProcess",
    "PutAccessPointConfigForObjectProcess", "GetAccessPointConfigForObjectProcess", "PutAccessPointPolicyForObjectProcess",
    "GetAccessPointPolicyForObjectProcess", "DeleteAccessPointPolicyForObjectProcess", "DeleteAccessPointForObjectProcess",
}


def carry_out(op):
    if op in not_offered:
        return {"op": op, "result": "not offered"}
    try:
        return {"op": op, "result": "done", "detail": operations[op]()}
    except Exception as fault:
        return {"op": op, "result": "failed", "detail": "%s: %s" % (type(fault).__name__, fault)}


print(json.dumps({"client": "oss2", "version": oss2.__version__}))
for op in sys.argv[1:]:
    print(json.dumps(carry_out(op)), flush=True)
