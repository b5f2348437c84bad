"""Operations of the driver of alibabacloud-oss-v2 on versions, archives, encryption, callbacks, pictures and more settings of buckets."""
import base64
import json

import alibabacloud_oss_v2 as oss


def operations(env, client, on, read, fault_of, none):
    state = {}
    versioned, shared = env["bucket"] + "-v", env["shared"]

    def note(request, **fields):
        return request(bucket=versioned, key="note", **fields)

    def put_versioning():
        client.put_bucket(oss.PutBucketRequest(bucket=versioned))
        enabled = oss.VersioningConfiguration(status="Enabled")
        client.put_bucket_versioning(oss.PutBucketVersioningRequest(bucket=versioned, versioning_configuration=enabled))

    def get_version():
        first = client.put_object(note(oss.PutObjectRequest, body=b"one")).version_id
        client.put_object(note(oss.PutObjectRequest, body=b"two"))
        return {"old": read(bucket=versioned, key="note", version_id=first), "now": read(bucket=versioned, key="note")}

    def delete_marker():
        result = client.delete_object(note(oss.DeleteObjectRequest))
        state["marker"] = result.version_id
        return {"marker": result.delete_marker}

    def list_versions():
        result = client.list_object_versions(oss.ListObjectVersionsRequest(bucket=versioned))
        return {"versions": len(result.version), "markers": len(result.delete_marker)}

    def delete_version():
        client.delete_object(note(oss.DeleteObjectRequest, version_id=state["marker"]))
        return {"body": read(bucket=versioned, key="note")}

    def restore():
        client.put_object(on(oss.PutObjectRequest, key="cold", body=b"frozen", storage_class="Archive"))
        before = fault_of(lambda: read(key="cold")).code
        client.restore_object(on(oss.RestoreObjectRequest, key="cold"))
        return {"before": before, "body": read(key="cold")}

    def encrypted():
        client.put_object(on(oss.PutObjectRequest, key="secret", body=b"secret", server_side_encryption="AES256"))
        return {"algorithm": client.head_object(on(oss.HeadObjectRequest, key="secret")).server_side_encryption}

    def callback():
        wanted = base64.b64encode(json.dumps({"callbackUrl": env["callback"], "callbackBody": "object=${object}"}).encode()).decode()
        return {"answer": client.put_object(on(oss.PutObjectRequest, key="told", body=b"told", callback=wanted)).callback_result}

    def put_lifecycle():
        rule = oss.LifecycleRule(id="tidy", prefix="tmp/", status="Enabled", expiration=oss.LifecycleRuleExpiration(days=30))
        client.put_bucket_lifecycle(on(oss.PutBucketLifecycleRequest, lifecycle_configuration=oss.LifecycleConfiguration(rules=[rule])))

    def get_lifecycle():
        rule = client.get_bucket_lifecycle(on(oss.GetBucketLifecycleRequest)).lifecycle_configuration.rules[0]
        return {"rule": rule.id, "prefix": rule.prefix, "days": rule.expiration.days}

    def put_encryption():
        rule = oss.ServerSideEncryptionRule(apply_server_side_encryption_by_default=oss.ApplyServerSideEncryptionByDefault(sse_algorithm="AES256"))
        client.put_bucket_encryption(on(oss.PutBucketEncryptionRequest, server_side_encryption_rule=rule))

    def get_encryption():
        rule = client.get_bucket_encryption(on(oss.GetBucketEncryptionRequest)).server_side_encryption_rule
        return {"algorithm": rule.apply_server_side_encryption_by_default.sse_algorithm}

    def put_website():
        pages = oss.WebsiteConfiguration(index_document=oss.IndexDocument(suffix="index.html"))
        client.put_bucket_website(on(oss.PutBucketWebsiteRequest, website_configuration=pages))

    def get_website():
        return {"index": client.get_bucket_website(on(oss.GetBucketWebsiteRequest)).website_configuration.index_document.suffix}

    def describe_regions():
        regions = client.describe_regions(oss.DescribeRegionsRequest()).region_info
        return {"found": "oss-cn-qingdao" in [each.region for each in regions]}

    def gone(delete, read_it):
        def operation():
            delete()
            return {"code": fault_of(read_it).code}
        return operation

    def style(request, **fields):
        return on(request, style_name="tiny", **fields)

    def process_object():
        target, to = (base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in ("small.png", env["bucket"]))
        process = "image/resize,w_10|sys/saveas,o_%s,b_%s" % (target, to)
        client.process_object(oss.ProcessObjectRequest(bucket=shared, key="picture.png", process=process))
        return {"info": read(key="small.png", process="image/info")}

    def list_style():
        return {"names": [each.name for each in client.list_style(on(oss.ListStyleRequest)).style_list.styles]}

    return {
        "PutBucketVersioning": none(put_versioning),
        "GetBucketVersioning": lambda: {"status": client.get_bucket_versioning(oss.GetBucketVersioningRequest(bucket=versioned)).version_status},
        "GetObject of a version": get_version,
        "DeleteObject, a delete marker": delete_marker,
        "ListObjectVersions": list_versions,
        "DeleteObject of a version": delete_version,
        "RestoreObject": restore,
        "PutObject, encrypted": encrypted,
        "PutObject, a callback": callback,
        "PutBucketLifecycle": none(put_lifecycle),
        "GetBucketLifecycle": get_lifecycle,
        "DeleteBucketLifecycle": gone(
            lambda: client.delete_bucket_lifecycle(on(oss.DeleteBucketLifecycleRequest)), lambda: client.get_bucket_lifecycle(on(oss.GetBucketLifecycleRequest))),
        "PutBucketEncryption": none(put_encryption),
        "GetBucketEncryption": get_encryption,
        "DeleteBucketEncryption": gone(lambda: client.delete_bucket_encryption(on(oss.DeleteBucketEncryptionRequest)), get_encryption),
        "PutBucketWebsite": none(put_website),
        "GetBucketWebsite": get_website,
        "DeleteBucketWebsite": gone(lambda: client.delete_bucket_website(on(oss.DeleteBucketWebsiteRequest)), get_website),
        "DescribeRegions": describe_regions,
        "GetObject, x-oss-process": lambda: {"info": read(bucket=shared, key="picture.png", process="image/info")},
        "PutStyle": none(lambda: client.put_style(style(oss.PutStyleRequest, style=oss.StyleContent(content="image/resize,w_10")))),
        "GetStyle": lambda: {"content": client.get_style(style(oss.GetStyleRequest)).style.content},
        "ListStyle": list_style,
        "DeleteStyle": gone(lambda: client.delete_style(style(oss.DeleteStyleRequest)), lambda: client.get_style(style(oss.GetStyleRequest))),
        "ProcessObject": process_object,
    }
