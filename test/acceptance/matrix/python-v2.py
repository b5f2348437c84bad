"""The operations of the matrix with alibabacloud-oss-v2: names as arguments, one line of JSON for each on standard output. The environment is told in matrix.test.ts."""
import datetime
import hashlib
import json
import os
import sys
import tempfile

import alibabacloud_oss_v2 as oss
from alibabacloud_oss_v2._version import VERSION

import v2_features
import v2_settings
from v2_settings import tagging, tags_of

env = {name[len("MATRIX_"):].lower(): value for name, value in os.environ.items() if name.startswith("MATRIX_")}
endpoint, access_key_id, access_key_secret = env["endpoint"], env["key_id"], env["key_secret"]
name, text, key = env["bucket"], b"The quick brown fox\n", "a b/ü+%.txt"
state = {}


def open_client(signature, credentials, **more):
    return oss.Client(oss.Config(region="cn-qingdao", **{"endpoint": endpoint, **more}, signature_version=signature, credentials_provider=credentials))


own = oss.credentials.StaticCredentialsProvider(access_key_id, access_key_secret)
client = open_client(env["signature"], own)


def connect():
    # connect>
    client = oss.Client(oss.Config(
        region="cn-qingdao",
        endpoint=endpoint,
        credentials_provider=oss.credentials.StaticCredentialsProvider(access_key_id, access_key_secret),
    ))

    client.put_object(oss.PutObjectRequest(bucket="demo", key="hello.txt", body=b"hello"))
    body = client.get_object(oss.GetObjectRequest(bucket="demo", key="hello.txt")).body.read()
    pages = client.list_objects_v2_paginator().iter_page(oss.ListObjectsV2Request(bucket="demo"))
    names = [entry.key for page in pages for entry in page.contents]
    # <connect
    return {"body": body.decode(), "names": names}


def service_error(fault):
    while fault is not None and not isinstance(fault, oss.exceptions.ServiceError):
        fault = fault.unwrap() if hasattr(fault, "unwrap") else None
    return fault


def fault_of(run):
    """The server's answer to what has to fail."""
    try:
        run()
    except oss.exceptions.BaseError as error:
        return service_error(error)
    raise AssertionError("no error")


def none(run):
    """An operation whose success is all that it tells; a later row reads what it did."""
    def operation():
        run()
        return {}
    return operation


def on(request, **fields):
    return request(bucket=name, **fields)


def read(**fields):
    return client.get_object(oss.GetObjectRequest(**{"bucket": name, **fields})).body.read().decode()


def get_bucket_info():
    info = client.get_bucket_info(on(oss.GetBucketInfoRequest)).bucket_info
    return {"name": info.name, "acl": info.acl}


def put_object():
    request = on(oss.PutObjectRequest, key=key, body=text, content_type="text/x-fox", metadata={"author": "alice"})
    return {"etag": client.put_object(request).etag.strip('"')}


def get_object():
    result = client.get_object(on(oss.GetObjectRequest, key=key))
    return {"body": result.body.read().decode(), "type": result.content_type, "author": result.metadata["author"]}


def conditions():
    etag = '"%s"' % hashlib.md5(text).hexdigest().upper()
    same = fault_of(lambda: client.get_object(on(oss.GetObjectRequest, key=key, if_none_match=etag)))
    other = fault_of(lambda: client.get_object(on(oss.GetObjectRequest, key=key, if_match='"00000000000000000000000000000000"')))
    return {"same": same.status_code, "other": other.status_code}


def head_object():
    result = client.head_object(on(oss.HeadObjectRequest, key=key))
    return {"size": result.content_length, "type": result.content_type, "author": result.metadata["author"]}


def get_object_meta():
    result = client.get_object_meta(on(oss.GetObjectMetaRequest, key=key))
    return {"size": result.content_length, "etag": result.etag.strip('"')}


def delete_object_tagging():
    client.delete_object_tagging(on(oss.DeleteObjectTaggingRequest, key=key))
    return {"tags": tags_of(client.get_object_tagging(on(oss.GetObjectTaggingRequest, key=key)).tag_set)}


def copy_object():
    client.copy_object(on(oss.CopyObjectRequest, key="copy", source_bucket=name, source_key=key, metadata_directive="REPLACE", metadata={"author": "bob"}))
    result = client.get_object(on(oss.GetObjectRequest, key="copy"))
    return {"body": result.body.read().decode(), "author": result.metadata["author"]}


def append_object():
    first = client.append_object(on(oss.AppendObjectRequest, key="log", position=0, body=b"hello, "))
    second = client.append_object(on(oss.AppendObjectRequest, key="log", position=first.next_position, body=b"world"))
    return {"position": second.next_position, "body": read(key="log")}


def listed(result):
    return {"keys": [entry.key for entry in result.contents or []], "prefixes": [entry.prefix for entry in result.common_prefixes or []]}


def list_objects():
    for each in ("list/1", "list/2", "list/sub/3"):
        client.put_object(on(oss.PutObjectRequest, key=each, body=b""))
    return listed(client.list_objects(on(oss.ListObjectsRequest, prefix="list/", delimiter="/")))


def delete_object():
    client.delete_object(on(oss.DeleteObjectRequest, key="copy"))
    return {"after": fault_of(lambda: read(key="copy")).status_code}


def delete_many():
    objects = [oss.DeleteObject(key=each) for each in ("list/1", "list/2", "list/sub/3")]
    result = client.delete_multiple_objects(on(oss.DeleteMultipleObjectsRequest, objects=objects))
    return {"keys": sorted(entry.key for entry in result.deleted_objects)}


def part(request, **fields):
    return on(request, key="parts", upload_id=state["upload"], **fields)


def initiate():
    state["upload"] = client.initiate_multipart_upload(on(oss.InitiateMultipartUploadRequest, key="parts")).upload_id
    return {"given": state["upload"] != ""}


def upload_part():
    etag = client.upload_part(part(oss.UploadPartRequest, part_number=1, body=b"a" * 102400)).etag
    state["parts"] = [oss.UploadPart(part_number=1, etag=etag)]
    return {"etag": etag.strip('"')}


def upload_part_copy():
    etag = client.upload_part_copy(part(oss.UploadPartCopyRequest, part_number=2, source_bucket=name, source_key=key, source_range="bytes=4-8")).etag
    state["parts"].append(oss.UploadPart(part_number=2, etag=etag))
    return {"etag": etag.strip('"')}


def list_uploads(**fields):
    return [entry.key for entry in client.list_multipart_uploads(on(oss.ListMultipartUploadsRequest, **fields)).uploads or []]


def complete():
    request = part(oss.CompleteMultipartUploadRequest, complete_multipart_upload=oss.CompleteMultipartUpload(parts=state["parts"]))
    etag = client.complete_multipart_upload(request).etag.strip('"')
    return {"parts": etag.split("-")[-1], "size": client.head_object(on(oss.HeadObjectRequest, key="parts")).content_length}


def abort():
    upload = client.initiate_multipart_upload(on(oss.InitiateMultipartUploadRequest, key="given-up")).upload_id
    client.abort_multipart_upload(on(oss.AbortMultipartUploadRequest, key="given-up", upload_id=upload))
    return {"left": len(list_uploads(prefix="given-up"))}


def uploader():
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"0123456789" * 30720)
        file.flush()
        client.uploader(part_size=102400, parallel_num=3).upload_file(on(oss.PutObjectRequest, key="big"), file.name)
    head = client.head_object(on(oss.HeadObjectRequest, key="big"))
    return {"size": head.content_length, "type": head.object_type}


def downloader():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "big")
        client.downloader(part_size=102400, parallel_num=3).download_file(on(oss.GetObjectRequest, key="big"), path)
        with open(path, "rb") as file:
            return {"md5": hashlib.md5(file.read()).hexdigest()}


def presign(request, signature, called):
    expires = datetime.timedelta(minutes=10)
    return {"url": open_client(signature, own).presign(on(request, key=called), expires=expires).url}


def at_localhost():
    by = open_client(env["signature"], own, endpoint=endpoint.replace("127.0.0.1", "localhost"), use_path_style=True)
    return {"body": by.get_object(on(oss.GetObjectRequest, key=key)).body.read().decode()}


def sts_token():
    by = oss.credentials.StaticCredentialsProvider(env["sts_id"], env["sts_secret"], env["sts_token"])
    return {"body": open_client(env["signature"], by).get_object(on(oss.GetObjectRequest, key=key)).body.read().decode()}


def transformed(**more):
    return {"body": read(bucket=env["object_fc_alias"], key=env["alias_key"], **more)}


def delete_bucket():
    other = name + "-gone"
    client.put_bucket(oss.PutBucketRequest(bucket=other))
    client.delete_bucket(oss.DeleteBucketRequest(bucket=other))
    return {"code": fault_of(lambda: client.get_bucket_info(oss.GetBucketInfoRequest(bucket=other))).code}


operations = {
    "connect": connect,
    "PutBucket": none(lambda: client.put_bucket(on(oss.PutBucketRequest))),
    "ListBuckets": lambda: {"found": name in [each.name for each in client.list_buckets(oss.ListBucketsRequest(prefix=name)).buckets]},
    "GetBucketInfo": get_bucket_info,
    "GetBucketLocation": lambda: {"location": client.get_bucket_location(on(oss.GetBucketLocationRequest)).location},
    "PutBucketAcl": none(lambda: client.put_bucket_acl(on(oss.PutBucketAclRequest, acl="public-read"))),
    "GetBucketAcl": lambda: {"acl": client.get_bucket_acl(on(oss.GetBucketAclRequest)).acl},
    "PutObject": put_object,
    "GetBucketStat": lambda: {"objects": client.get_bucket_stat(on(oss.GetBucketStatRequest)).object_count},
    "GetObject": get_object,
    "GetObject, a range": lambda: {"body": read(key=key, range_header="bytes=4-8")},
    "GetObject, conditions": conditions,
    "HeadObject": head_object,
    "GetObjectMeta": get_object_meta,
    "PutObjectAcl": none(lambda: client.put_object_acl(on(oss.PutObjectAclRequest, key=key, acl="private"))),
    "GetObjectAcl": lambda: {"acl": client.get_object_acl(on(oss.GetObjectAclRequest, key=key)).acl},
    "PutObjectTagging": none(lambda: client.put_object_tagging(on(oss.PutObjectTaggingRequest, key=key, tagging=tagging({"color": "red"})))),
    "GetObjectTagging": lambda: {"tags": tags_of(client.get_object_tagging(on(oss.GetObjectTaggingRequest, key=key)).tag_set)},
    "DeleteObjectTagging": delete_object_tagging,
    "CopyObject": copy_object,
    "AppendObject": append_object,
    "PutSymlink": none(lambda: client.put_symlink(on(oss.PutSymlinkRequest, key="link", symlink_target="log"))),
    "GetSymlink": lambda: {"target": client.get_symlink(on(oss.GetSymlinkRequest, key="link")).target},
    "ListObjects": list_objects,
    "ListObjectsV2": lambda: listed(client.list_objects_v2(on(oss.ListObjectsV2Request, prefix="list/", delimiter="/"))),
    "DeleteObject": delete_object,
    "DeleteMultipleObjects": delete_many,
    "InitiateMultipartUpload": initiate,
    "UploadPart": upload_part,
    "UploadPartCopy": upload_part_copy,
    "ListParts": lambda: {"sizes": [each.size for each in client.list_parts(part(oss.ListPartsRequest)).parts]},
    "ListMultipartUploads": lambda: {"keys": list_uploads()},
    "CompleteMultipartUpload": complete,
    "AbortMultipartUpload": abort,
    "the client's uploader": uploader,
    "the client's downloader": downloader,
    "presigned GET, V1": lambda: presign(oss.GetObjectRequest, "v1", key),
    "presigned GET, V4": lambda: presign(oss.GetObjectRequest, "v4", key),
    "presigned PUT, V1": lambda: presign(oss.PutObjectRequest, "v1", "presigned"),
    "presigned PUT, V4": lambda: presign(oss.PutObjectRequest, "v4", "presigned"),
    "GetObject at http://localhost": at_localhost,
    "STS token": sts_token,
    "GetObject by the alias of an access point": lambda: {"body": read(bucket=env["alias"], key=env["alias_key"])},
    "transformed GetObject": transformed,
    "transformed GetObject, a parameter": lambda: transformed(parameters={"say": "a b/ü"}),
    "DeleteBucket": delete_bucket,
}
operations.update(v2_settings.operations(env, client, on, fault_of, none, key))
operations.update(v2_features.operations(env, client, on, read, fault_of, none))
not_offered = {
    "PostObject form, V1", "PostObject form, V4",
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


print(json.dumps({"client": "python-v2", "version": VERSION}))
for op in sys.argv[1:]:
    print(json.dumps(carry_out(op)), flush=True)
