"""Takes objects through their versions and a lifecycle with oss2: standard input {endpoint, accessKeyId, accessKeySecret, region}, standard output what came back."""
import datetime
import json
import sys
import time

import oss2
from oss2 import models

job = json.load(sys.stdin)
auth = oss2.ProviderAuthV4(oss2.credentials.StaticCredentialsProvider(job["accessKeyId"], job["accessKeySecret"]))
bucket = oss2.Bucket(auth, job["endpoint"], "versions-oss2", region=job["region"])
bucket.create_bucket()
said = {"status": [bucket.get_bucket_versioning().status]}


def fault(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except oss2.exceptions.OssError as error:
        return [error.status, error.code, error.headers.get("x-oss-delete-marker")]
    return None


bucket.put_object("k", "zero")
for status in ("Enabled",):
    config = models.BucketVersioningConfig()
    config.status = status
    bucket.put_bucket_versioning(config)
    said["status"].append(bucket.get_bucket_versioning().status)
one = bucket.put_object("k", "one").versionid
two = bucket.put_object("k", "two").versionid
read = bucket.get_object("k", params={"versionId": one})
said["one"] = [read.read().decode(), read.versionid == one]
said["null"] = bucket.get_object("k", params={"versionId": "null"}).read().decode()
said["head"] = bucket.head_object("k", params={"versionId": one}).versionid == one
said["meta"] = bucket.get_object_meta("k", params={"versionId": one}).content_length
bucket.put_object_acl("k", "private", params={"versionId": one})
said["acl"] = [bucket.get_object_acl("k", params={"versionId": one}).acl, bucket.get_object_acl("k").acl]
tags = oss2.models.TaggingRule()
tags.add("a", "1")
bucket.put_object_tagging("k", oss2.models.Tagging(tags), params={"versionId": one})
said["tags"] = [len(bucket.get_object_tagging("k", params={"versionId": id}).tag_set.tagging_rule) for id in (one, two)]
copied = bucket.copy_object(bucket.bucket_name, "k", "copy", params={"versionId": one})
said["copy"] = [bucket.get_object("copy").read().decode(), bool(copied.versionid)]
gone = bucket.delete_object("k")
marker = gone.versionid
said["deleted"] = gone.delete_marker
said["absent"] = [fault(bucket.get_object, "k"), fault(bucket.get_object, "k", params={"versionId": marker})]
pages = []
key, version = "", ""
while True:
    page = bucket.list_object_versions(max_keys=2, key_marker=key, versionid_marker=version)
    pages.append(len(page.versions) + len(page.delete_marker))
    for each in page.versions + page.delete_marker:
        said.setdefault("latest", []).append([each.key, each.is_latest])
    if not page.is_truncated:
        break
    key, version = page.next_key_marker, page.next_versionid_marker
said["pages"] = pages
restored = bucket.delete_object("k", params={"versionId": marker})
said["restored"] = [restored.delete_marker, bucket.get_object("k").read().decode()]
many = models.BatchDeleteObjectVersionList()
for id in (two, one, "null"):
    many.append(models.BatchDeleteObjectVersion(key="k", versionid=id))
removed = bucket.delete_object_versions(many)
said["removed"] = sorted([each.key, each.versionid == "null", each.delete_marker] for each in removed.delete_versions)
said["full"] = fault(bucket.delete_bucket)

bucket.put_object("old/a", "x")
bucket.init_multipart_upload("old/upload")
tomorrow = datetime.date.today() + datetime.timedelta(days=2)
rule = models.LifecycleRule(
    "expire", "old/", expiration=models.LifecycleExpiration(created_before_date=tomorrow),
    abort_multipart_upload=models.AbortMultipartUpload(created_before_date=tomorrow),
)
other = models.LifecycleRule("noncurrent", "other/", noncurrent_version_expiration=models.NoncurrentVersionExpiration(3))
other.storage_transitions = [models.StorageTransition(days=30, storage_class="IA")]
bucket.put_bucket_lifecycle(models.BucketLifecycle([rule, other]))
rules = bucket.get_bucket_lifecycle().rules
said["rules"] = [[each.id, each.prefix, each.status] for each in rules]
said["before"] = rules[0].expiration.created_before_date == tomorrow
said["noncurrent"] = [rules[1].noncurrent_version_expiration.noncurrent_days, rules[1].storage_transitions[0].storage_class]
deadline = time.time() + 60
while bucket.object_exists("old/a") or bucket.list_multipart_uploads().upload_list:
    if time.time() > deadline:
        break
    time.sleep(0.2)
said["expired"] = [bucket.object_exists("old/a"), len(bucket.list_multipart_uploads().upload_list)]
bucket.delete_bucket_lifecycle()
said["norules"] = fault(bucket.get_bucket_lifecycle)
print(json.dumps(said))
