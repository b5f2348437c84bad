package matrix;

import com.aliyun.oss.ClientBuilderConfiguration;
import com.aliyun.oss.HttpMethod;
import com.aliyun.oss.OSS;
import com.aliyun.oss.OSSClientBuilder;
import com.aliyun.oss.OSSException;
import com.aliyun.oss.common.auth.DefaultCredentialProvider;
import com.aliyun.oss.common.comm.SignVersion;
import com.aliyun.oss.model.*;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The operations of the matrix with aliyun-sdk-oss. */
public final class V1 extends Driver {
    final OSS client = open(env("SIGNATURE"), env("KEY_ID"), env("KEY_SECRET"), null);
    private final List<PartETag> done = new ArrayList<>();
    private String upload;

    public static void main(String[] names) throws Exception {
        V1 driver = new V1();
        driver.buckets();
        driver.objects();
        driver.listings();
        driver.parts();
        new V1Settings(driver).add();
        new V1Features(driver).add();
        for (String verb : List.of("Put", "Get", "Delete")) {
            driver.notOffered.add(verb + "AccessPointPublicAccessBlock");
            driver.notOffered.add(verb + "AccessPointPolicyForObjectProcess");
        }
        driver.notOffered.addAll(List.of(
            "CreateAccessPointForObjectProcess", "GetAccessPointForObjectProcess", "ListAccessPointsForObjectProcess", "DeleteAccessPointForObjectProcess",
            "PutAccessPointConfigForObjectProcess", "GetAccessPointConfigForObjectProcess"));
        driver.main("java-v1", version("com.aliyun.oss/aliyun-sdk-oss"), names);
    }

    static OSS open(String signature, String id, String secret, String token) {
        ClientBuilderConfiguration config = new ClientBuilderConfiguration();
        config.setSignatureVersion(SignVersion.valueOf(signature.toUpperCase()));
        DefaultCredentialProvider keys = token == null ? new DefaultCredentialProvider(id, secret) : new DefaultCredentialProvider(id, secret, token);
        return OSSClientBuilder.create().endpoint(env("ENDPOINT")).credentialsProvider(keys).clientConfiguration(config).region("cn-qingdao").build();
    }

    private Object connect() throws Exception {
        String endpoint = env("ENDPOINT"), accessKeyId = env("KEY_ID"), accessKeySecret = env("KEY_SECRET");
        // connect>
        ClientBuilderConfiguration config = new ClientBuilderConfiguration();
        config.setSignatureVersion(SignVersion.V4);
        OSS client = OSSClientBuilder.create()
            .endpoint(endpoint)
            .region("cn-qingdao")
            .credentialsProvider(new DefaultCredentialProvider(accessKeyId, accessKeySecret))
            .clientConfiguration(config)
            .build();

        client.putObject("demo", "hello.txt", new ByteArrayInputStream("hello".getBytes()));
        OSSObject object = client.getObject("demo", "hello.txt");
        ListObjectsV2Result page = client.listObjectsV2("demo");
        // <connect
        return fields("body", text(object.getObjectContent()), "names", keysOf(page.getObjectSummaries()));
    }

    @Override
    String codeOf(Act act) throws Exception {
        try {
            act.run();
            return "no error";
        } catch (OSSException fault) {
            return fault.getErrorCode();
        }
    }

    /** This SDK tells codes, not statuses. */
    private int statusOf(Act act) throws Exception {
        return Map.of("NotModified", 304, "PreconditionFailed", 412, "NoSuchKey", 404).getOrDefault(codeOf(act), 0);
    }

    private static List<String> keysOf(List<OSSObjectSummary> objects) {
        return objects.stream().map(OSSObjectSummary::getKey).collect(Collectors.toList());
    }

    private static ByteArrayInputStream bytes(String text) {
        return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
    }

    private static ObjectMetadata author(String author) {
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.addUserMetadata("author", author);
        return metadata;
    }

    private String read(GetObjectRequest request) throws Exception {
        return text(client.getObject(request).getObjectContent());
    }

    private static GetObjectRequest object(String key) {
        return new GetObjectRequest(NAME, key);
    }

    private void buckets() {
        operations.put("PutBucket", none(() -> client.createBucket(NAME)));
        operations.put("ListBuckets", () -> {
            List<Bucket> found = client.listBuckets(new ListBucketsRequest().withPrefix(NAME)).getBucketList();
            return fields("found", found.stream().anyMatch(bucket -> bucket.getName().equals(NAME)));
        });
        operations.put("GetBucketInfo", () -> {
            BucketInfo info = client.getBucketInfo(NAME);
            return fields("name", info.getBucket().getName(), "acl", info.getCannedACL());
        });
        operations.put("GetBucketLocation", () -> fields("location", client.getBucketLocation(NAME)));
        operations.put("PutBucketAcl", none(() -> client.setBucketAcl(NAME, CannedAccessControlList.PublicRead)));
        operations.put("GetBucketAcl", () -> fields("acl", client.getBucketAcl(NAME).getCannedACL()));
        operations.put("GetBucketStat", () -> fields("objects", client.getBucketStat(NAME).getObjectCount()));
        operations.put("DeleteBucket", () -> {
            client.createBucket(NAME + "-gone");
            client.deleteBucket(NAME + "-gone");
            return fields("code", codeOf(() -> client.getBucketInfo(NAME + "-gone")));
        });
    }

    private void objects() {
        operations.put("connect", this::connect);
        operations.put("PutObject", () -> {
            ObjectMetadata metadata = author("alice");
            metadata.setContentType("text/x-fox");
            return fields("etag", client.putObject(NAME, KEY, bytes(TEXT), metadata).getETag());
        });
        operations.put("GetObject", () -> {
            OSSObject object = client.getObject(NAME, KEY);
            ObjectMetadata metadata = object.getObjectMetadata();
            String author = metadata.getUserMetadata().get("author");
            return fields("body", text(object.getObjectContent()), "type", metadata.getContentType(), "author", author);
        });
        operations.put("GetObject, a range", () -> {
            GetObjectRequest request = object(KEY);
            request.setRange(4, 8);
            return fields("body", read(request));
        });
        operations.put("GetObject, conditions", () -> {
            GetObjectRequest same = object(KEY), other = object(KEY);
            same.setNonmatchingETagConstraints(List.of(md5(TEXT.getBytes()).toUpperCase()));
            other.setMatchingETagConstraints(List.of("00000000000000000000000000000000"));
            return fields("same", statusOf(() -> client.getObject(same)), "other", statusOf(() -> client.getObject(other)));
        });
        operations.put("HeadObject", () -> {
            ObjectMetadata head = client.headObject(NAME, KEY);
            return fields("size", head.getContentLength(), "type", head.getContentType(), "author", head.getUserMetadata().get("author"));
        });
        operations.put("GetObjectMeta", () -> {
            SimplifiedObjectMeta meta = client.getSimplifiedObjectMeta(NAME, KEY);
            return fields("size", meta.getSize(), "etag", meta.getETag());
        });
        operations.put("PutObjectAcl", none(() -> client.setObjectAcl(NAME, KEY, CannedAccessControlList.Private)));
        operations.put("GetObjectAcl", () -> fields("acl", client.getObjectAcl(NAME, KEY).getPermission()));
        operations.put("PutObjectTagging", none(() -> client.setObjectTagging(NAME, KEY, Map.of("color", "red"))));
        operations.put("GetObjectTagging", () -> fields("tags", client.getObjectTagging(NAME, KEY).getAllTags()));
        operations.put("DeleteObjectTagging", () -> {
            client.deleteObjectTagging(NAME, KEY);
            return fields("tags", client.getObjectTagging(NAME, KEY).getAllTags());
        });
        operations.put("CopyObject", () -> {
            CopyObjectRequest request = new CopyObjectRequest(NAME, KEY, NAME, "copy");
            request.setNewObjectMetadata(author("bob"));
            client.copyObject(request);
            OSSObject copy = client.getObject(NAME, "copy");
            return fields("body", text(copy.getObjectContent()), "author", copy.getObjectMetadata().getUserMetadata().get("author"));
        });
        operations.put("AppendObject", () -> {
            long next = client.appendObject(new AppendObjectRequest(NAME, "log", bytes("hello, ")).withPosition(0L)).getNextPosition();
            next = client.appendObject(new AppendObjectRequest(NAME, "log", bytes("world")).withPosition(next)).getNextPosition();
            return fields("position", next, "body", read(object("log")));
        });
        operations.put("PutSymlink", none(() -> client.createSymlink(NAME, "link", "log")));
        operations.put("GetSymlink", () -> fields("target", client.getSymlink(NAME, "link").getTarget()));
        for (String signature : List.of("v1", "v4")) {
            operations.put("presigned GET, " + signature.toUpperCase(), () -> presign(signature, HttpMethod.GET, KEY));
            operations.put("presigned PUT, " + signature.toUpperCase(), () -> presign(signature, HttpMethod.PUT, "presigned"));
        }
        operations.put("GetObject at http://localhost", () -> {
            String here = env("ENDPOINT").replace("127.0.0.1", "localhost");
            OSS by = new OSSClientBuilder().build(here, env("KEY_ID"), env("KEY_SECRET"));
            return fields("body", text(by.getObject(NAME, KEY).getObjectContent()));
        });
        operations.put("STS token", () -> {
            OSS by = open(env("SIGNATURE"), env("STS_ID"), env("STS_SECRET"), env("STS_TOKEN"));
            return fields("body", text(by.getObject(NAME, KEY).getObjectContent()));
        });
        operations.put("GetObject by the alias of an access point", () -> fields("body", read(new GetObjectRequest(env("ALIAS"), env("ALIAS_KEY")))));
        operations.put("transformed GetObject", () -> fields("body", read(new GetObjectRequest(env("OBJECT_FC_ALIAS"), env("ALIAS_KEY")))));
        operations.put("transformed GetObject, a parameter", () -> {
            GetObjectRequest request = new GetObjectRequest(env("OBJECT_FC_ALIAS"), env("ALIAS_KEY"));
            request.addParameter("say", "a b/ü");
            return fields("body", read(request));
        });
    }

    private Object presign(String signature, HttpMethod method, String key) {
        OSS by = open(signature, env("KEY_ID"), env("KEY_SECRET"), null);
        return fields("url", by.generatePresignedUrl(NAME, key, new Date(System.currentTimeMillis() + 600_000), method).toString());
    }

    private void listings() {
        operations.put("ListObjects", () -> {
            for (String key : LISTED) client.putObject(NAME, key, bytes(""));
            ObjectListing page = client.listObjects(new ListObjectsRequest(NAME, "list/", null, "/", 100));
            return fields("keys", keysOf(page.getObjectSummaries()), "prefixes", page.getCommonPrefixes());
        });
        operations.put("ListObjectsV2", () -> {
            ListObjectsV2Result page = client.listObjectsV2(new ListObjectsV2Request(NAME).withPrefix("list/").withDelimiter("/"));
            return fields("keys", keysOf(page.getObjectSummaries()), "prefixes", page.getCommonPrefixes());
        });
        operations.put("DeleteObject", () -> {
            client.deleteObject(NAME, "copy");
            return fields("after", statusOf(() -> client.getObject(NAME, "copy")));
        });
        operations.put("DeleteMultipleObjects", () -> {
            List<String> keys = client.deleteObjects(new DeleteObjectsRequest(NAME).withKeys(List.of(LISTED))).getDeletedObjects();
            Collections.sort(keys);
            return fields("keys", keys);
        });
    }

    private List<String> uploads(String prefix) {
        ListMultipartUploadsRequest request = new ListMultipartUploadsRequest(NAME);
        request.setPrefix(prefix);
        return client.listMultipartUploads(request).getMultipartUploads().stream().map(MultipartUpload::getKey).collect(Collectors.toList());
    }

    private String initiate(String key) {
        return client.initiateMultipartUpload(new InitiateMultipartUploadRequest(NAME, key)).getUploadId();
    }

    private void parts() {
        operations.put("InitiateMultipartUpload", () -> {
            upload = initiate("parts");
            return fields("given", !upload.isEmpty());
        });
        operations.put("UploadPart", () -> {
            done.add(client.uploadPart(new UploadPartRequest(NAME, "parts", upload, 1, bytes("a".repeat(102400)), 102400)).getPartETag());
            return fields("etag", done.get(0).getETag());
        });
        operations.put("UploadPartCopy", () -> {
            done.add(client.uploadPartCopy(new UploadPartCopyRequest(NAME, KEY, NAME, "parts", upload, 2, 4L, 5L)).getPartETag());
            return fields("etag", done.get(1).getETag());
        });
        operations.put("ListParts", () -> {
            List<PartSummary> listed = client.listParts(new ListPartsRequest(NAME, "parts", upload)).getParts();
            return fields("sizes", listed.stream().map(PartSummary::getSize).collect(Collectors.toList()));
        });
        operations.put("ListMultipartUploads", () -> fields("keys", uploads(null)));
        operations.put("CompleteMultipartUpload", () -> {
            String etag = client.completeMultipartUpload(new CompleteMultipartUploadRequest(NAME, "parts", upload, done)).getETag();
            return fields("parts", lastOf(etag), "size", client.headObject(NAME, "parts").getContentLength());
        });
        operations.put("AbortMultipartUpload", () -> {
            client.abortMultipartUpload(new AbortMultipartUploadRequest(NAME, "given-up", initiate("given-up")));
            return fields("left", uploads("given-up").size());
        });
        operations.put("the client's uploader", () -> {
            Path file = Files.createTempFile("matrix-", ".big");
            Files.writeString(file, "0123456789".repeat(30720));
            try {
                client.uploadFile(new UploadFileRequest(NAME, "big", file.toString(), 102400, 3, true));
            } catch (Throwable fault) {
                throw new Exception(fault);
            } finally {
                Files.delete(file);
            }
            ObjectMetadata head = client.headObject(NAME, "big");
            return fields("size", head.getContentLength(), "type", head.getObjectType());
        });
        operations.put("the client's downloader", () -> {
            Path file = Files.createTempFile("matrix-", ".big");
            try {
                client.downloadFile(new DownloadFileRequest(NAME, "big", file.toString(), 102400, 3, true));
                return fields("md5", md5(Files.readAllBytes(file)));
            } catch (Throwable fault) {
                throw new Exception(fault);
            } finally {
                Files.delete(file);
            }
        });
    }
}
