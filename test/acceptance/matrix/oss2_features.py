"""Operations of the oss2 driver on versions, archives, encryption, callbacks, pictures and more settings of buckets."""
import base64
import json

from oss2 import models


def operations(env, bucket, versioned, shared, service, code_of, none):
    state = {}

    def put_versioning():
        versioned.create_bucket()
        versioned.put_bucket_versioning(models.BucketVersioningConfig("Enabled"))

    def get_version():
        first = versioned.put_object("note", b"one").versionid
        versioned.put_object("note", b"two")
        old = versioned.get_object("note", params={"versionId": first}).read().decode()
        return {"old": old, "now": versioned.get_object("note").read().decode()}

    def delete_marker():
        result = versioned.delete_object("note")
        state["marker"] = result.versionid
        return {"marker": result.delete_marker}

    def list_versions():
        result = versioned.list_object_versions()
        return {"versions": len(result.versions), "markers": len(result.delete_marker)}

    def delete_version():
        versioned.delete_object("note", params={"versionId": state["marker"]})
        return {"body": versioned.get_object("note").read().decode()}

    def restore():
        bucket.put_object("cold", b"frozen", headers={"x-oss-storage-class": "Archive"})
        before = code_of(lambda: bucket.get_object("cold"))
        bucket.restore_object("cold")
        return {"before": before, "body": bucket.get_object("cold").read().decode()}

    def encrypted():
        bucket.put_object("secret", b"secret", headers={"x-oss-server-side-encryption": "AES256"})
        return {"algorithm": bucket.head_object("secret").headers["x-oss-server-side-encryption"]}

    def callback():
        wanted = {"callbackUrl": env["callback"], "callbackBody": "object=${object}"}
        result = bucket.put_object("told", b"told", headers={"x-oss-callback": base64.b64encode(json.dumps(wanted).encode()).decode()})
        return {"answer": json.loads(result.resp.read())}

    def put_lifecycle():
        rule = models.LifecycleRule("tidy", "tmp/", status="Enabled", expiration=models.LifecycleExpiration(days=30))
        bucket.put_bucket_lifecycle(models.BucketLifecycle([rule]))

    def get_lifecycle():
        rule = bucket.get_bucket_lifecycle().rules[0]
        return {"rule": rule.id, "prefix": rule.prefix, "days": rule.expiration.days}

    def gone(delete, read):
        def operation():
            delete()
            return {"code": code_of(read)}
        return operation

    def process_object():
        target, to = (base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in ("small.png", bucket.bucket_name))
        shared.process_object("picture.png", "image/resize,w_10|sys/saveas,o_%s,b_%s" % (target, to))
        return {"info": bucket.get_object("small.png", process="image/info").read().decode()}

    return {
        "PutBucketVersioning": none(put_versioning),
        "GetBucketVersioning": lambda: {"status": versioned.get_bucket_versioning().status},
        "GetObject of a version": get_version,
        "DeleteObject, a delete marker": delete_marker,
        "ListObjectVersions": list_versions,
        "DeleteObject of a version": delete_version,
        "RestoreObject": restore,
        "PutObject, encrypted": encrypted,
        "PutObject, a callback": callback,
        "PutBucketLifecycle": none(put_lifecycle),
        "GetBucketLifecycle": get_lifecycle,
        "DeleteBucketLifecycle": gone(bucket.delete_bucket_lifecycle, bucket.get_bucket_lifecycle),
        "PutBucketEncryption": none(lambda: bucket.put_bucket_encryption(models.ServerSideEncryptionRule("AES256"))),
        "GetBucketEncryption": lambda: {"algorithm": bucket.get_bucket_encryption().sse_algorithm},
        "DeleteBucketEncryption": gone(bucket.delete_bucket_encryption, bucket.get_bucket_encryption),
        "PutBucketWebsite": none(lambda: bucket.put_bucket_website(models.BucketWebsite("index.html", "error.html"))),
        "GetBucketWebsite": lambda: {"index": bucket.get_bucket_website().index_file},
        "DeleteBucketWebsite": gone(bucket.delete_bucket_website, bucket.get_bucket_website),
        "DescribeRegions": lambda: {"found": "oss-cn-qingdao" in [each.region for each in service.describe_regions().regions]},
        "GetObject, x-oss-process": lambda: {"info": shared.get_object("picture.png", process="image/info").read().decode()},
        "PutStyle": none(lambda: bucket.put_bucket_style("tiny", "image/resize,w_10")),
        "GetStyle": lambda: {"content": bucket.get_bucket_style("tiny").content},
        "ListStyle": lambda: {"names": [each.name for each in bucket.list_bucket_style().styles]},
        "DeleteStyle": gone(lambda: bucket.delete_bucket_style("tiny"), lambda: bucket.get_bucket_style("tiny")),
        "ProcessObject": process_object,
    }
