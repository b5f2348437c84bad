"""Steps of the oss2 driver on uploads in parts, copies, appending, tags, symlinks and the settings of buckets."""
import base64
import os
import tempfile

import oss2
from oss2 import models


def tags_of(result):
    return {"tags": dict(result.tag_set.tagging_rule)}


def tagging(step):
    rule = models.TaggingRule()
    for name, value in step["tags"].items():
        rule.add(name, value)
    return models.Tagging(rule)


def operations(bucket, describe):
    def parts(step):
        body, size = base64.b64decode(step["body"]), step["partSize"]
        return [body[at:at + size] for at in range(0, len(body), size)]

    def multipart(step):
        b, key = bucket(step), step["key"]
        upload = b.init_multipart_upload(key, headers={"Content-Type": "x/parts", "x-oss-meta-in": "parts"}).upload_id
        done = []
        for number, part in enumerate(parts(step), 1):
            done.append(models.PartInfo(number, b.upload_part(key, upload, number, part).etag))
        page = b.list_parts(key, upload, max_parts=2)
        uploads = b.list_multipart_uploads(prefix=key)
        result = b.complete_multipart_upload(key, upload, done)
        again = b.complete_multipart_upload(key, upload, done)
        return {
            "etag": result.etag, "crc64": str(result.crc), "again": again.etag, "truncated": page.is_truncated,
            "sizes": [part.size for part in page.parts], "uploads": [entry.key for entry in uploads.upload_list],
        }

    def abort(step):
        b, key = bucket(step), step["key"]
        upload = b.init_multipart_upload(key).upload_id
        b.upload_part(key, upload, 1, b"x" * 1000)
        status = b.abort_multipart_upload(key, upload).status
        return {"status": status, "uploads": [entry.key for entry in b.list_multipart_uploads(prefix=key).upload_list]}

    def resumable(step):
        """Uploads a file in parallel parts and downloads it in parallel ranges, with the files of progress that oss2 keeps."""
        with tempfile.TemporaryDirectory() as folder:
            up, down = os.path.join(folder, "up"), os.path.join(folder, "down")
            with open(up, "wb") as file:
                file.write(base64.b64decode(step["body"]))
            kept = oss2.ResumableStore(root=folder)
            result = oss2.resumable_upload(bucket(step), step["key"], up, store=kept, multipart_threshold=1, part_size=step["partSize"], num_threads=3)
            oss2.resumable_download(
                bucket(step), step["key"], down, store=oss2.ResumableDownloadStore(root=folder), multiget_threshold=1, part_size=step["partSize"], num_threads=3)
            with open(down, "rb") as file:
                return {"etag": result.etag, "body": base64.b64encode(file.read()).decode()}

    def copy(step):
        headers = {"x-oss-metadata-directive": "REPLACE", "x-oss-meta-new": step["meta"]["new"]} if "meta" in step else {}
        if "ifMatch" in step:
            headers["x-oss-copy-source-if-match"] = step["ifMatch"]
        return {"etag": bucket(step).copy_object(step.get("from", step["bucket"]), step["source"], step["key"], headers=headers).etag}

    def copy_parts(step):
        b, key = bucket(step), step["key"]
        upload = b.init_multipart_upload(key).upload_id
        done = []
        for number, (first, last) in enumerate(step["ranges"], 1):
            done.append(models.PartInfo(number, b.upload_part_copy(step["bucket"], step["source"], (first, last), key, upload, number).etag))
        return {"etag": b.complete_multipart_upload(key, upload, done).etag}

    def append(step):
        result = bucket(step).append_object(step["key"], step["position"], base64.b64decode(step["body"]), init_crc=int(step.get("crc64", "0")))
        return {"position": result.next_position, "crc64": str(result.crc)}

    def get_symlink(step):
        return {"target": bucket(step).get_symlink(step["key"]).target_key}

    def stat(step):
        result = bucket(step).get_bucket_stat()
        return {"objects": result.object_count, "size": result.storage_size_in_bytes, "multipart": result.multi_part_upload_count}

    def put_cors(step):
        rules = [models.CorsRule(allowed_origins=step["origins"], allowed_methods=["GET", "PUT"], allowed_headers=["*"], expose_headers=["etag"], max_age_seconds=60)]
        return {"status": bucket(step).put_bucket_cors(models.BucketCors(rules)).status}

    def get_cors(step):
        return {"origins": [origin for rule in bucket(step).get_bucket_cors().rules for origin in rule.allowed_origins]}

    def get_referer(step):
        result = bucket(step).get_bucket_referer()
        return {"referers": list(result.referers), "empty": result.allow_empty_referer}

    def status(run):
        return lambda step: {"status": run(step).status}

    return {
        "multipart": multipart, "abort": abort, "resumable": resumable, "copy": copy, "copyParts": copy_parts, "append": append,
        "getSymlink": get_symlink, "stat": stat, "putCors": put_cors, "getCors": get_cors, "getReferer": get_referer,
        "getTags": lambda step: tags_of(bucket(step).get_object_tagging(step["key"])),
        "putTags": status(lambda step: bucket(step).put_object_tagging(step["key"], tagging(step))),
        "deleteTags": status(lambda step: bucket(step).delete_object_tagging(step["key"])),
        "putSymlink": status(lambda step: bucket(step).put_symlink(step["target"], step["key"])),
        "getBucketTags": lambda step: tags_of(bucket(step).get_bucket_tagging()),
        "putBucketTags": status(lambda step: bucket(step).put_bucket_tagging(tagging(step))),
        "deleteBucketTags": status(lambda step: bucket(step).delete_bucket_tagging()),
        "deleteCors": status(lambda step: bucket(step).delete_bucket_cors()),
        "putReferer": status(lambda step: bucket(step).put_bucket_referer(models.BucketReferer(step["empty"], step["referers"]))),
        "getLifecycle": status(lambda step: bucket(step).get_bucket_lifecycle()),
        "putWebsite": status(lambda step: bucket(step).put_bucket_website(models.BucketWebsite("index.html", "error.html"))),
    }
