package matrix;

import com.aliyun.sdk.service.oss2.OSSClient;
import com.aliyun.sdk.service.oss2.PresignOptions;
import com.aliyun.sdk.service.oss2.credentials.StaticCredentialsProvider;
import com.aliyun.sdk.service.oss2.exceptions.ServiceException;
import com.aliyun.sdk.service.oss2.models.*;
import com.aliyun.sdk.service.oss2.transfermanager.Downloader;
import com.aliyun.sdk.service.oss2.transfermanager.DownloaderOptions;
import com.aliyun.sdk.service.oss2.transfermanager.Uploader;
import com.aliyun.sdk.service.oss2.transfermanager.UploaderOptions;
import com.aliyun.sdk.service.oss2.transport.BinaryData;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The operations of the matrix with alibabacloud-oss-v2; those of access points are in V2AccessPoints. */
public final class V2 extends Driver {
    private static final String GONE = NAME + "-gone";
    final OSSClient client = open(env("SIGNATURE"), env("KEY_ID"), env("KEY_SECRET"), null);
    private final List<Part> done = new ArrayList<>();
    private String upload;

    public static void main(String[] names) throws Exception {
        V2 driver = new V2();
        driver.buckets();
        driver.objects();
        driver.signatures();
        driver.listings();
        driver.parts();
        driver.transfers();
        new V2Settings(driver).add();
        new V2AccessPoints(driver).add();
        new V2Features(driver).add();
        for (String verb : List.of("Put", "Get", "Delete")) driver.notOffered.add(verb + "AccessPointPublicAccessBlock");
        driver.main("java-v2", version("com.aliyun/alibabacloud-oss-v2"), names);
    }

    private static OSSClient open(String signature, String id, String secret, String token) {
        StaticCredentialsProvider keys = token == null ? new StaticCredentialsProvider(id, secret) : new StaticCredentialsProvider(id, secret, token);
        return OSSClient.newBuilder().region("cn-qingdao").endpoint(env("ENDPOINT")).credentialsProvider(keys).signatureVersion(signature).build();
    }

    private Object connect() throws Exception {
        String endpoint = env("ENDPOINT"), accessKeyId = env("KEY_ID"), accessKeySecret = env("KEY_SECRET");
        // connect>
        OSSClient client = OSSClient.newBuilder()
            .region("cn-qingdao")
            .endpoint(endpoint)
            .credentialsProvider(new StaticCredentialsProvider(accessKeyId, accessKeySecret))
            .build();

        BinaryData hello = BinaryData.fromString("hello");
        client.putObject(PutObjectRequest.newBuilder().bucket("demo").key("hello.txt").body(hello).build());
        GetObjectResult object = client.getObject(GetObjectRequest.newBuilder().bucket("demo").key("hello.txt").build());
        ListObjectsV2Result page = client.listObjectsV2(ListObjectsV2Request.newBuilder().bucket("demo").build());
        // <connect
        return fields("body", text(object.body()), "names", keysOf(page.contents()));
    }

    private static ServiceException refusal(Act act) throws Exception {
        try {
            act.run();
        } catch (Exception fault) {
            ServiceException refused = ServiceException.asCause(fault);
            if (refused != null) return refused;
            throw fault;
        }
        throw new Exception("no error");
    }

    @Override
    String codeOf(Act act) throws Exception {
        return refusal(act).errorCode();
    }

    private static List<String> keysOf(List<ObjectSummary> objects) {
        return objects.stream().map(ObjectSummary::key).collect(Collectors.toList());
    }

    private static List<String> prefixesOf(List<CommonPrefix> prefixes) {
        return prefixes.stream().map(CommonPrefix::prefix).collect(Collectors.toList());
    }

    private static GetObjectRequest.Builder object(String key) {
        return GetObjectRequest.newBuilder().bucket(NAME).key(key);
    }

    private static PutObjectRequest.Builder put(String key) {
        return PutObjectRequest.newBuilder().bucket(NAME).key(key);
    }

    private GetObjectResult get(GetObjectRequest.Builder request) {
        return client.getObject(request.build());
    }

    private HeadObjectResult head(String key) {
        return client.headObject(HeadObjectRequest.newBuilder().bucket(NAME).key(key).build());
    }

    static Tagging tagging(String label, String value) {
        return Tagging.newBuilder().tagSet(TagSet.newBuilder().tags(List.of(Tag.newBuilder().key(label).value(value).build())).build()).build();
    }

    static Object tagsOf(Tagging tagging) {
        Map<String, String> found = new TreeMap<>();
        List<Tag> tags = tagging == null || tagging.tagSet() == null ? null : tagging.tagSet().tags();
        if (tags != null) for (Tag tag : tags) found.put(tag.key(), tag.value());
        return fields("tags", found);
    }

    private void buckets() {
        operations.put("PutBucket", none(() -> client.putBucket(PutBucketRequest.newBuilder().bucket(NAME).build())));
        operations.put("ListBuckets", () -> {
            List<BucketSummary> found = client.listBuckets(ListBucketsRequest.newBuilder().prefix(NAME).build()).buckets();
            return fields("found", found.stream().anyMatch(bucket -> bucket.name().equals(NAME)));
        });
        operations.put("GetBucketInfo", () -> {
            BucketInfo info = client.getBucketInfo(GetBucketInfoRequest.newBuilder().bucket(NAME).build()).bucketInfo();
            return fields("name", info.name(), "acl", info.accessControlList().grant());
        });
        operations.put("GetBucketLocation", () -> {
            return fields("location", client.getBucketLocation(GetBucketLocationRequest.newBuilder().bucket(NAME).build()).locationConstraint());
        });
        operations.put("PutBucketAcl", none(() -> client.putBucketAcl(PutBucketAclRequest.newBuilder().bucket(NAME).acl("public-read").build())));
        operations.put("GetBucketAcl", () -> {
            AccessControlPolicy policy = client.getBucketAcl(GetBucketAclRequest.newBuilder().bucket(NAME).build()).accessControlPolicy();
            return fields("acl", policy.accessControlList().grant());
        });
        operations.put("GetBucketStat", () -> {
            return fields("objects", client.getBucketStat(GetBucketStatRequest.newBuilder().bucket(NAME).build()).bucketStat().objectCount());
        });
        operations.put("DeleteBucket", () -> {
            client.putBucket(PutBucketRequest.newBuilder().bucket(GONE).build());
            client.deleteBucket(DeleteBucketRequest.newBuilder().bucket(GONE).build());
            return fields("code", codeOf(() -> client.getBucketInfo(GetBucketInfoRequest.newBuilder().bucket(GONE).build())));
        });
    }

    private Object objectTags() {
        return tagsOf(client.getObjectTagging(GetObjectTaggingRequest.newBuilder().bucket(NAME).key(KEY).build()).tagging());
    }

    private long append(long position, String body) {
        return client.appendObject(
            AppendObjectRequest.newBuilder().bucket(NAME).key("log").position(position).body(BinaryData.fromString(body)).build()).nextAppendPosition();
    }

    private void objects() {
        operations.put("connect", this::connect);
        operations.put("PutObject", () -> {
            PutObjectRequest.Builder request = put(KEY).body(BinaryData.fromString(TEXT)).contentType("text/x-fox").metadata(Map.of("author", "alice"));
            return fields("etag", unquoted(client.putObject(request.build()).eTag()));
        });
        operations.put("GetObject", () -> {
            GetObjectResult result = get(object(KEY));
            return fields("body", text(result.body()), "type", result.contentType(), "author", result.metadata().get("author"));
        });
        operations.put("GetObject, a range", () -> fields("body", text(get(object(KEY).range("bytes=4-8")).body())));
        operations.put("GetObject, conditions", () -> {
            GetObjectRequest.Builder same = object(KEY).ifNoneMatch('"' + md5(TEXT.getBytes()).toUpperCase() + '"');
            GetObjectRequest.Builder other = object(KEY).ifMatch("\"00000000000000000000000000000000\"");
            return fields("same", refusal(() -> get(same)).statusCode(), "other", refusal(() -> get(other)).statusCode());
        });
        operations.put("HeadObject", () -> {
            HeadObjectResult result = head(KEY);
            return fields("size", result.contentLength(), "type", result.contentType(), "author", result.metadata().get("author"));
        });
        operations.put("GetObjectMeta", () -> {
            GetObjectMetaResult result = client.getObjectMeta(GetObjectMetaRequest.newBuilder().bucket(NAME).key(KEY).build());
            return fields("size", result.contentLength(), "etag", unquoted(result.eTag()));
        });
        operations.put("PutObjectAcl", none(() -> client.putObjectAcl(PutObjectAclRequest.newBuilder().bucket(NAME).key(KEY).objectAcl("private").build())));
        operations.put("GetObjectAcl", () -> {
            AccessControlPolicy policy = client.getObjectAcl(GetObjectAclRequest.newBuilder().bucket(NAME).key(KEY).build()).accessControlPolicy();
            return fields("acl", policy.accessControlList().grant());
        });
        operations.put("PutObjectTagging", none(() -> client.putObjectTagging(
            PutObjectTaggingRequest.newBuilder().bucket(NAME).key(KEY).tagging(tagging("color", "red")).build())));
        operations.put("GetObjectTagging", this::objectTags);
        operations.put("DeleteObjectTagging", () -> {
            client.deleteObjectTagging(DeleteObjectTaggingRequest.newBuilder().bucket(NAME).key(KEY).build());
            return objectTags();
        });
        operations.put("CopyObject", () -> {
            client.copyObject(CopyObjectRequest.newBuilder().bucket(NAME).key("copy").sourceBucket(NAME).sourceKey(KEY)
                .metadataDirective("REPLACE").metadata(Map.of("author", "bob")).build());
            GetObjectResult copy = get(object("copy"));
            return fields("body", text(copy.body()), "author", copy.metadata().get("author"));
        });
        operations.put("AppendObject", () -> {
            long next = append(append(0, "hello, "), "world");
            return fields("position", next, "body", text(get(object("log")).body()));
        });
        operations.put("PutSymlink", none(() -> client.putSymlink(PutSymlinkRequest.newBuilder().bucket(NAME).key("link").symlinkTarget("log").build())));
        operations.put("GetSymlink", () -> {
            return fields("target", client.getSymlink(GetSymlinkRequest.newBuilder().bucket(NAME).key("link").build()).symlinkTarget());
        });
    }

    private void signatures() {
        PresignOptions soon = PresignOptions.newBuilder().expiration(Duration.ofMinutes(10)).build();
        for (String signature : List.of("v1", "v4")) {
            OSSClient by = open(signature, env("KEY_ID"), env("KEY_SECRET"), null);
            operations.put("presigned GET, " + signature.toUpperCase(), () -> fields("url", by.presign(object(KEY).build(), soon).url()));
            operations.put("presigned PUT, " + signature.toUpperCase(), () -> fields("url", by.presign(put("presigned").build(), soon).url()));
        }
        operations.put("GetObject at http://localhost", () -> {
            String here = env("ENDPOINT").replace("127.0.0.1", "localhost");
            OSSClient by = OSSClient.newBuilder().region("cn-qingdao").endpoint(here).usePathStyle(true)
                .credentialsProvider(new StaticCredentialsProvider(env("KEY_ID"), env("KEY_SECRET"))).build();
            return fields("body", text(by.getObject(object(KEY).build()).body()));
        });
        operations.put("STS token", () -> {
            OSSClient by = open(env("SIGNATURE"), env("STS_ID"), env("STS_SECRET"), env("STS_TOKEN"));
            return fields("body", text(by.getObject(object(KEY).build()).body()));
        });
        operations.put("GetObject by the alias of an access point", () -> fields("body", text(get(object(env("ALIAS_KEY")).bucket(env("ALIAS"))).body())));
        operations.put("transformed GetObject", () -> fields("body", text(get(object(env("ALIAS_KEY")).bucket(env("OBJECT_FC_ALIAS"))).body())));
        operations.put("transformed GetObject, a parameter", () -> {
            return fields("body", text(get(object(env("ALIAS_KEY")).bucket(env("OBJECT_FC_ALIAS")).parameter("say", "a b/ü")).body()));
        });
    }

    private void listings() {
        operations.put("ListObjects", () -> {
            for (String key : LISTED) client.putObject(put(key).body(BinaryData.fromString("")).build());
            ListObjectsResult page = client.listObjects(ListObjectsRequest.newBuilder().bucket(NAME).prefix("list/").delimiter("/").build());
            return fields("keys", keysOf(page.contents()), "prefixes", prefixesOf(page.commonPrefixes()));
        });
        operations.put("ListObjectsV2", () -> {
            ListObjectsV2Result page = client.listObjectsV2(ListObjectsV2Request.newBuilder().bucket(NAME).prefix("list/").delimiter("/").build());
            return fields("keys", keysOf(page.contents()), "prefixes", prefixesOf(page.commonPrefixes()));
        });
        operations.put("DeleteObject", () -> {
            client.deleteObject(DeleteObjectRequest.newBuilder().bucket(NAME).key("copy").build());
            return fields("after", refusal(() -> get(object("copy"))).statusCode());
        });
        operations.put("DeleteMultipleObjects", () -> {
            List<DeleteObject> wanted = new ArrayList<>();
            for (String key : LISTED) wanted.add(DeleteObject.newBuilder().key(key).build());
            List<DeletedInfo> deleted = client.deleteMultipleObjects(
                DeleteMultipleObjectsRequest.newBuilder().bucket(NAME).deleteObjects(wanted).build()).deletedObjects();
            return fields("keys", deleted.stream().map(DeletedInfo::key).sorted().collect(Collectors.toList()));
        });
    }

    private List<String> uploads(String prefix) {
        ListMultipartUploadsRequest.Builder request = ListMultipartUploadsRequest.newBuilder().bucket(NAME);
        if (prefix != null) request.prefix(prefix);
        List<Upload> found = client.listMultipartUploads(request.build()).uploads();
        return found == null ? List.of() : found.stream().map(Upload::key).collect(Collectors.toList());
    }

    private String initiate(String key) {
        return client.initiateMultipartUpload(InitiateMultipartUploadRequest.newBuilder().bucket(NAME).key(key).build()).initiateMultipartUpload().uploadId();
    }

    private Object part(long number, String etag) {
        done.add(Part.newBuilder().partNumber(number).eTag(etag).build());
        return fields("etag", unquoted(etag));
    }

    private void parts() {
        operations.put("InitiateMultipartUpload", () -> {
            upload = initiate("parts");
            return fields("given", !upload.isEmpty());
        });
        operations.put("UploadPart", () -> part(1, client.uploadPart(UploadPartRequest.newBuilder().bucket(NAME).key("parts").uploadId(upload)
            .partNumber(1L).body(BinaryData.fromString("a".repeat(102400))).build()).eTag()));
        operations.put("UploadPartCopy", () -> part(2, client.uploadPartCopy(UploadPartCopyRequest.newBuilder().bucket(NAME).key("parts").uploadId(upload)
            .partNumber(2L).sourceBucket(NAME).sourceKey(KEY).copySourceRange("bytes=4-8").build()).copyPartResult().eTag()));
        operations.put("ListParts", () -> {
            List<Part> listed = client.listParts(ListPartsRequest.newBuilder().bucket(NAME).key("parts").uploadId(upload).build()).parts();
            return fields("sizes", listed.stream().map(Part::size).collect(Collectors.toList()));
        });
        operations.put("ListMultipartUploads", () -> fields("keys", uploads(null)));
        operations.put("CompleteMultipartUpload", () -> {
            CompleteMultipartUpload parts = CompleteMultipartUpload.newBuilder().parts(done).build();
            CompleteMultipartUploadResult result = client.completeMultipartUpload(
                CompleteMultipartUploadRequest.newBuilder().bucket(NAME).key("parts").uploadId(upload).completeMultipartUpload(parts).build());
            return fields("parts", lastOf(unquoted(result.completeMultipartUpload().eTag())), "size", head("parts").contentLength());
        });
        operations.put("AbortMultipartUpload", () -> {
            client.abortMultipartUpload(AbortMultipartUploadRequest.newBuilder().bucket(NAME).key("given-up").uploadId(initiate("given-up")).build());
            return fields("left", uploads("given-up").size());
        });
    }

    private void transfers() {
        operations.put("the client's uploader", () -> {
            Path file = Files.createTempFile("matrix-", ".big");
            try {
                Files.writeString(file, "0123456789".repeat(30720));
                UploaderOptions options = UploaderOptions.newBuilder().partSize(102400).parallelNum(3).build();
                new Uploader(client, options).uploadFile(put("big").build(), file.toString());
            } finally {
                Files.delete(file);
            }
            HeadObjectResult result = head("big");
            return fields("size", result.contentLength(), "type", result.objectType());
        });
        operations.put("the client's downloader", () -> {
            Path file = Files.createTempFile("matrix-", ".big");
            try {
                DownloaderOptions options = DownloaderOptions.newBuilder().partSize(102400).parallelNum(3).build();
                new Downloader(client, options).downloadFile(object("big").build(), file.toString());
                return fields("md5", md5(Files.readAllBytes(file)));
            } finally {
                Files.delete(file);
            }
        });
    }
}
