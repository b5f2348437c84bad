package matrix;

import com.aliyun.oss.OSS;
import com.aliyun.oss.OSSClient;
import com.aliyun.oss.model.*;
import java.io.ByteArrayInputStream;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Versions, archives, encryption, callbacks, forms, pictures and more settings of buckets with aliyun-sdk-oss. */
final class V1Features {
    private static final String NAME = Driver.NAME;
    private static final String VERSIONED = NAME + "-v";
    private static final String SHARED = Driver.env("SHARED");
    private final V1 driver;
    private final OSS client;
    private String marker;

    V1Features(V1 driver) {
        this.driver = driver;
        this.client = driver.client;
    }

    void add() {
        versions();
        objects();
        settings();
        pictures();
        for (String signature : List.of("v1", "v4")) {
            driver.operations.put("PostObject form, " + signature.toUpperCase(), () -> Driver.fields("fields", form(signature)));
        }
    }

    private static ByteArrayInputStream bytes(String text) {
        return new ByteArrayInputStream(text.getBytes());
    }

    private String read(GetObjectRequest request) throws Exception {
        return Driver.text(client.getObject(request).getObjectContent());
    }

    private String read(String bucket, String key) throws Exception {
        return read(new GetObjectRequest(bucket, key));
    }

    private void versions() {
        driver.operations.put("PutBucketVersioning", Driver.none(() -> {
            client.createBucket(VERSIONED);
            BucketVersioningConfiguration enabled = new BucketVersioningConfiguration(BucketVersioningConfiguration.ENABLED);
            client.setBucketVersioning(new SetBucketVersioningRequest(VERSIONED, enabled));
        }));
        driver.operations.put("GetBucketVersioning", () -> Driver.fields("status", client.getBucketVersioning(VERSIONED).getStatus()));
        driver.operations.put("GetObject of a version", () -> {
            String first = client.putObject(VERSIONED, "note", bytes("one")).getVersionId();
            client.putObject(VERSIONED, "note", bytes("two"));
            return Driver.fields("old", read(new GetObjectRequest(VERSIONED, "note", first)), "now", read(VERSIONED, "note"));
        });
        driver.operations.put("DeleteObject, a delete marker", () -> {
            Map<String, String> headers = client.deleteObject(VERSIONED, "note").getResponse().getHeaders();
            marker = headers.get("x-oss-version-id");
            return Driver.fields("marker", Boolean.valueOf(headers.get("x-oss-delete-marker")));
        });
        driver.operations.put("ListObjectVersions", () -> {
            List<OSSVersionSummary> found = client.listVersions(VERSIONED, null).getVersionSummaries();
            long markers = found.stream().filter(OSSVersionSummary::isDeleteMarker).count();
            return Driver.fields("versions", found.size() - markers, "markers", markers);
        });
        driver.operations.put("DeleteObject of a version", () -> {
            client.deleteVersion(VERSIONED, "note", marker);
            return Driver.fields("body", read(VERSIONED, "note"));
        });
    }

    private void objects() {
        driver.operations.put("RestoreObject", () -> {
            ObjectMetadata archive = new ObjectMetadata();
            archive.setHeader("x-oss-storage-class", "Archive");
            client.putObject(NAME, "cold", bytes("frozen"), archive);
            String before = driver.codeOf(() -> client.getObject(NAME, "cold"));
            client.restoreObject(NAME, "cold");
            return Driver.fields("before", before, "body", read(NAME, "cold"));
        });
        driver.operations.put("PutObject, encrypted", () -> {
            ObjectMetadata encrypted = new ObjectMetadata();
            encrypted.setServerSideEncryption("AES256");
            client.putObject(NAME, "secret", bytes("secret"), encrypted);
            return Driver.fields("algorithm", client.headObject(NAME, "secret").getServerSideEncryption());
        });
        driver.operations.put("PutObject, a callback", () -> {
            Callback callback = new Callback();
            callback.setCallbackUrl(Driver.env("CALLBACK"));
            callback.setCallbackBody("object=${object}");
            PutObjectRequest request = new PutObjectRequest(NAME, "told", bytes("told"));
            request.setCallback(callback);
            return Driver.fields("answer", Driver.text(client.putObject(request).getCallbackResponseBody()));
        });
    }

    private void settings() {
        driver.operations.put("PutBucketLifecycle", Driver.none(() -> {
            SetBucketLifecycleRequest request = new SetBucketLifecycleRequest(NAME);
            request.AddLifecycleRule(new LifecycleRule("tidy", "tmp/", LifecycleRule.RuleStatus.Enabled, 30));
            client.setBucketLifecycle(request);
        }));
        driver.operations.put("GetBucketLifecycle", () -> {
            LifecycleRule rule = client.getBucketLifecycle(NAME).get(0);
            return Driver.fields("rule", rule.getId(), "prefix", rule.getPrefix(), "days", rule.getExpirationDays());
        });
        driver.operations.put("DeleteBucketLifecycle", () -> {
            client.deleteBucketLifecycle(NAME);
            return Driver.fields("code", driver.codeOf(() -> client.getBucketLifecycle(NAME)));
        });
        driver.operations.put("PutBucketEncryption", Driver.none(() -> {
            ServerSideEncryptionConfiguration config = new ServerSideEncryptionConfiguration();
            config.setApplyServerSideEncryptionByDefault(new ServerSideEncryptionByDefault("AES256"));
            client.setBucketEncryption(new SetBucketEncryptionRequest(NAME, config));
        }));
        driver.operations.put("GetBucketEncryption", () -> {
            return Driver.fields("algorithm", client.getBucketEncryption(NAME).getApplyServerSideEncryptionByDefault().getSSEAlgorithm());
        });
        driver.operations.put("DeleteBucketEncryption", () -> {
            client.deleteBucketEncryption(NAME);
            return Driver.fields("code", driver.codeOf(() -> client.getBucketEncryption(NAME)));
        });
        driver.operations.put("PutBucketWebsite", Driver.none(() -> {
            SetBucketWebsiteRequest request = new SetBucketWebsiteRequest(NAME);
            request.setIndexDocument("index.html");
            client.setBucketWebsite(request);
        }));
        driver.operations.put("GetBucketWebsite", () -> Driver.fields("index", client.getBucketWebsite(NAME).getIndexDocument()));
        driver.operations.put("DeleteBucketWebsite", () -> {
            client.deleteBucketWebsite(NAME);
            return Driver.fields("code", driver.codeOf(() -> client.getBucketWebsite(NAME)));
        });
        driver.operations.put("DescribeRegions", () -> {
            List<RegionInfo> found = client.describeRegions(new DescribeRegionsRequest()).getRegionInfoList();
            return Driver.fields("found", found.stream().anyMatch(each -> each.getRegion().equals("oss-cn-qingdao")));
        });
    }

    private String info(String bucket, String key) throws Exception {
        GetObjectRequest request = new GetObjectRequest(bucket, key);
        request.setProcess("image/info");
        return read(request);
    }

    private static String encoded(String text) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes());
    }

    private void pictures() {
        driver.operations.put("GetObject, x-oss-process", () -> Driver.fields("info", info(SHARED, "picture.png")));
        driver.operations.put("PutStyle", Driver.none(() -> {
            PutImageStyleRequest request = new PutImageStyleRequest();
            request.SetBucketName(NAME);
            request.SetStyleName("tiny");
            request.SetStyle("image/resize,w_10");
            client.putImageStyle(request);
        }));
        driver.operations.put("GetStyle", () -> Driver.fields("content", client.getImageStyle(NAME, "tiny").GetStyle()));
        driver.operations.put("ListStyle", () -> {
            return Driver.fields("names", client.listImageStyle(NAME).stream().map(Style::GetStyleName).collect(Collectors.toList()));
        });
        driver.operations.put("DeleteStyle", () -> {
            client.deleteImageStyle(NAME, "tiny");
            return Driver.fields("code", driver.codeOf(() -> client.getImageStyle(NAME, "tiny")));
        });
        driver.operations.put("ProcessObject", () -> {
            String process = "image/resize,w_10|sys/saveas,o_" + encoded("small.png") + ",b_" + encoded(NAME);
            client.processObject(new ProcessObjectRequest(SHARED, "picture.png", process));
            return Driver.fields("info", info(NAME, "small.png"));
        });
    }

    /** The fields of a form that may upload one object, as a server gives them to a browser. */
    private static Map<String, Object> form(String signature) {
        OSSClient by = (OSSClient) V1.open(signature, Driver.env("KEY_ID"), Driver.env("KEY_SECRET"), null);
        Date now = new Date();
        Date end = new Date(now.getTime() + 600_000);
        if (signature.equals("v1")) {
            String policy = by.generatePostPolicy(end, new PolicyConditions());
            String encoded = Base64.getEncoder().encodeToString(policy.getBytes());
            return Driver.fields("OSSAccessKeyId", Driver.env("KEY_ID"), "policy", encoded, "Signature", by.calculatePostSignature(policy));
        }
        String time = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC).format(Instant.ofEpochMilli(now.getTime()));
        String credential = Driver.env("KEY_ID") + "/" + time.substring(0, 8) + "/cn-qingdao/oss/aliyun_v4_request";
        PolicyConditions conditions = new PolicyConditions();
        conditions.addConditionItem("x-oss-signature-version", "OSS4-HMAC-SHA256");
        conditions.addConditionItem("x-oss-credential", credential);
        conditions.addConditionItem("x-oss-date", time);
        String policy = by.generatePostPolicy(end, conditions);
        return Driver.fields("policy", Base64.getEncoder().encodeToString(policy.getBytes()), "x-oss-signature-version", "OSS4-HMAC-SHA256",
            "x-oss-credential", credential, "x-oss-date", time, "x-oss-signature", by.calculatePostSignature(policy, now));
    }
}
