package matrix;

import com.aliyun.sdk.service.oss2.OSSClient;
import com.aliyun.sdk.service.oss2.models.*;
import com.aliyun.sdk.service.oss2.transport.BinaryData;
import java.util.Base64;
import java.util.List;

/** Versions, archives, encryption, callbacks, pictures and more settings of buckets with alibabacloud-oss-v2. */
final class V2Features {
    private static final String NAME = Driver.NAME;
    private static final String VERSIONED = NAME + "-v";
    private static final String SHARED = Driver.env("SHARED");
    private final V2 driver;
    private final OSSClient client;
    private String marker;

    V2Features(V2 driver) {
        this.driver = driver;
        this.client = driver.client;
    }

    void add() {
        versions();
        objects();
        lifecycle();
        encryption();
        website();
        pictures();
        driver.notOffered.addAll(List.of("PutStyle", "GetStyle", "ListStyle", "DeleteStyle", "PostObject form, V1", "PostObject form, V4"));
    }

    private static GetObjectRequest.Builder object(String bucket, String key) {
        return GetObjectRequest.newBuilder().bucket(bucket).key(key);
    }

    private static PutObjectRequest.Builder put(String bucket, String key, String body) {
        return PutObjectRequest.newBuilder().bucket(bucket).key(key).body(BinaryData.fromString(body));
    }

    private String read(GetObjectRequest.Builder request) throws Exception {
        return Driver.text(client.getObject(request.build()).body());
    }

    private void versions() {
        driver.operations.put("PutBucketVersioning", Driver.none(() -> {
            client.putBucket(PutBucketRequest.newBuilder().bucket(VERSIONED).build());
            VersioningConfiguration enabled = VersioningConfiguration.newBuilder().status("Enabled").build();
            client.putBucketVersioning(PutBucketVersioningRequest.newBuilder().bucket(VERSIONED).versioningConfiguration(enabled).build());
        }));
        driver.operations.put("GetBucketVersioning", () -> {
            GetBucketVersioningResult found = client.getBucketVersioning(GetBucketVersioningRequest.newBuilder().bucket(VERSIONED).build());
            return Driver.fields("status", found.versioningConfiguration().status());
        });
        driver.operations.put("GetObject of a version", () -> {
            String first = client.putObject(put(VERSIONED, "note", "one").build()).versionId();
            client.putObject(put(VERSIONED, "note", "two").build());
            return Driver.fields("old", read(object(VERSIONED, "note").versionId(first)), "now", read(object(VERSIONED, "note")));
        });
        driver.operations.put("DeleteObject, a delete marker", () -> {
            DeleteObjectResult result = client.deleteObject(DeleteObjectRequest.newBuilder().bucket(VERSIONED).key("note").build());
            marker = result.versionId();
            return Driver.fields("marker", result.deleteMarker());
        });
        driver.operations.put("ListObjectVersions", () -> {
            ListObjectVersionsResult found = client.listObjectVersions(ListObjectVersionsRequest.newBuilder().bucket(VERSIONED).build());
            return Driver.fields("versions", found.versions().size(), "markers", found.deleteMarkers().size());
        });
        driver.operations.put("DeleteObject of a version", () -> {
            client.deleteObject(DeleteObjectRequest.newBuilder().bucket(VERSIONED).key("note").versionId(marker).build());
            return Driver.fields("body", read(object(VERSIONED, "note")));
        });
    }

    private void objects() {
        driver.operations.put("RestoreObject", () -> {
            client.putObject(put(NAME, "cold", "frozen").storageClass("Archive").build());
            String before = driver.codeOf(() -> read(object(NAME, "cold")));
            client.restoreObject(RestoreObjectRequest.newBuilder().bucket(NAME).key("cold").build());
            return Driver.fields("before", before, "body", read(object(NAME, "cold")));
        });
        driver.operations.put("PutObject, encrypted", () -> {
            client.putObject(put(NAME, "secret", "secret").serverSideEncryption("AES256").build());
            return Driver.fields("algorithm", client.headObject(HeadObjectRequest.newBuilder().bucket(NAME).key("secret").build()).serverSideEncryption());
        });
        driver.operations.put("PutObject, a callback", () -> {
            String wanted = "{\"callbackUrl\":\"" + Driver.env("CALLBACK") + "\",\"callbackBody\":\"object=${object}\"}";
            String callback = Base64.getEncoder().encodeToString(wanted.getBytes());
            return Driver.fields("answer", client.putObject(put(NAME, "told", "told").callback(callback).build()).callbackResult());
        });
        driver.operations.put("DescribeRegions", () -> {
            List<RegionInfo> found = client.describeRegions(DescribeRegionsRequest.newBuilder().build()).regionInfoList().regionInfos();
            return Driver.fields("found", found.stream().anyMatch(each -> each.region().equals("oss-cn-qingdao")));
        });
    }

    private void lifecycle() {
        GetBucketLifecycleRequest read = GetBucketLifecycleRequest.newBuilder().bucket(NAME).build();
        driver.operations.put("PutBucketLifecycle", Driver.none(() -> {
            LifecycleRuleExpiration later = LifecycleRuleExpiration.newBuilder().days(30).build();
            LifecycleRule rule = LifecycleRule.newBuilder().id("tidy").prefix("tmp/").status("Enabled").expiration(later).build();
            LifecycleConfiguration config = LifecycleConfiguration.newBuilder().rules(List.of(rule)).build();
            client.putBucketLifecycle(PutBucketLifecycleRequest.newBuilder().bucket(NAME).lifecycleConfiguration(config).build());
        }));
        driver.operations.put("GetBucketLifecycle", () -> {
            LifecycleRule rule = client.getBucketLifecycle(read).lifecycleConfiguration().rules().get(0);
            return Driver.fields("rule", rule.id(), "prefix", rule.prefix(), "days", rule.expiration().days());
        });
        driver.operations.put("DeleteBucketLifecycle", () -> {
            client.deleteBucketLifecycle(DeleteBucketLifecycleRequest.newBuilder().bucket(NAME).build());
            return Driver.fields("code", driver.codeOf(() -> client.getBucketLifecycle(read)));
        });
    }

    private void encryption() {
        GetBucketEncryptionRequest read = GetBucketEncryptionRequest.newBuilder().bucket(NAME).build();
        driver.operations.put("PutBucketEncryption", Driver.none(() -> {
            ApplyServerSideEncryptionByDefault aes = ApplyServerSideEncryptionByDefault.newBuilder().sSEAlgorithm("AES256").build();
            ServerSideEncryptionRule rule = ServerSideEncryptionRule.newBuilder().applyServerSideEncryptionByDefault(aes).build();
            client.putBucketEncryption(PutBucketEncryptionRequest.newBuilder().bucket(NAME).serverSideEncryptionRule(rule).build());
        }));
        driver.operations.put("GetBucketEncryption", () -> {
            ServerSideEncryptionRule rule = client.getBucketEncryption(read).serverSideEncryptionRule();
            return Driver.fields("algorithm", rule.applyServerSideEncryptionByDefault().sSEAlgorithm());
        });
        driver.operations.put("DeleteBucketEncryption", () -> {
            client.deleteBucketEncryption(DeleteBucketEncryptionRequest.newBuilder().bucket(NAME).build());
            return Driver.fields("code", driver.codeOf(() -> client.getBucketEncryption(read)));
        });
    }

    private void website() {
        GetBucketWebsiteRequest read = GetBucketWebsiteRequest.newBuilder().bucket(NAME).build();
        driver.operations.put("PutBucketWebsite", Driver.none(() -> {
            WebsiteConfiguration pages = WebsiteConfiguration.newBuilder().indexDocument(IndexDocument.newBuilder().suffix("index.html").build()).build();
            client.putBucketWebsite(PutBucketWebsiteRequest.newBuilder().bucket(NAME).websiteConfiguration(pages).build());
        }));
        driver.operations.put("GetBucketWebsite", () -> {
            return Driver.fields("index", client.getBucketWebsite(read).websiteConfiguration().indexDocument().suffix());
        });
        driver.operations.put("DeleteBucketWebsite", () -> {
            client.deleteBucketWebsite(DeleteBucketWebsiteRequest.newBuilder().bucket(NAME).build());
            return Driver.fields("code", driver.codeOf(() -> client.getBucketWebsite(read)));
        });
    }

    private static String encoded(String text) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes());
    }

    private void pictures() {
        driver.operations.put("GetObject, x-oss-process", () -> Driver.fields("info", read(object(SHARED, "picture.png").process("image/info"))));
        driver.operations.put("ProcessObject", () -> {
            String process = "image/resize,w_10|sys/saveas,o_" + encoded("small.png") + ",b_" + encoded(NAME);
            client.processObject(ProcessObjectRequest.newBuilder().bucket(SHARED).key("picture.png").process(process).build());
            return Driver.fields("info", read(object(NAME, "small.png").process("image/info")));
        });
    }
}
