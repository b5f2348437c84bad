package matrix;

import com.aliyun.oss.HttpMethod;
import com.aliyun.oss.OSS;
import com.aliyun.oss.model.*;
import java.util.List;
import java.util.Map;

/** Settings of buckets, blocks on public access and access points with aliyun-sdk-oss. */
final class V1Settings {
    private static final String NAME = Driver.NAME;
    private static final String KEY = Driver.KEY;
    private static final String POINT = Driver.POINT;
    private final V1 driver;
    private final OSS client;

    V1Settings(V1 driver) {
        this.driver = driver;
        this.client = driver.client;
    }

    void add() {
        settings();
        access();
    }

    private void settings() {
        driver.operations.put("PutBucketTags", Driver.none(() -> client.setBucketTagging(NAME, Map.of("team", "a"))));
        driver.operations.put("GetBucketTags", () -> Driver.fields("tags", client.getBucketTagging(NAME).getAllTags()));
        driver.operations.put("DeleteBucketTags", () -> {
            client.deleteBucketTagging(NAME);
            return Driver.fields("tags", client.getBucketTagging(NAME).getAllTags());
        });
        driver.operations.put("PutBucketPolicy", Driver.none(() -> client.setBucketPolicy(NAME, Driver.env("POLICY"))));
        driver.operations.put("GetBucketPolicy", () -> Driver.fields("policy", client.getBucketPolicy(NAME).getPolicyText()));
        driver.operations.put("GetBucketPolicyStatus", () -> Driver.fields("public", client.getBucketPolicyStatus(NAME).isPublic()));
        driver.operations.put("DeleteBucketPolicy", () -> {
            client.deleteBucketPolicy(NAME);
            return Driver.fields("code", driver.codeOf(() -> client.getBucketPolicy(NAME)));
        });
        driver.operations.put("PutBucketCors", Driver.none(() -> {
            SetBucketCORSRequest.CORSRule rule = new SetBucketCORSRequest.CORSRule();
            rule.setAllowedOrigins(List.of("http://a.example"));
            rule.setAllowedMethods(List.of("GET", "PUT"));
            rule.setAllowedHeaders(List.of("*"));
            rule.setMaxAgeSeconds(60);
            SetBucketCORSRequest request = new SetBucketCORSRequest(NAME);
            request.setCorsRules(List.of(rule));
            client.setBucketCORS(request);
        }));
        driver.operations.put("GetBucketCors", () -> Driver.fields("origins", client.getBucketCORSRules(NAME).get(0).getAllowedOrigins()));
        driver.operations.put("OptionObject", () -> {
            OptionsRequest request = new OptionsRequest(NAME, KEY).withOrigin("http://a.example").withRequestMethod(HttpMethod.PUT);
            return Driver.fields("origin", client.optionsObject(request).getHeaders().get("Access-Control-Allow-Origin"));
        });
        driver.operations.put("DeleteBucketCors", () -> {
            client.deleteBucketCORSRules(NAME);
            return Driver.fields("code", driver.codeOf(() -> client.getBucketCORSRules(NAME)));
        });
        driver.operations.put("PutBucketReferer", Driver.none(() -> client.setBucketReferer(NAME, new BucketReferer(true, List.of("http://a.example")))));
        driver.operations.put("GetBucketReferer", () -> {
            BucketReferer referer = client.getBucketReferer(NAME);
            return Driver.fields("referers", referer.getRefererList(), "empty", referer.isAllowEmptyReferer());
        });
    }

    private void access() {
        driver.operations.put("PutBucketPublicAccessBlock", Driver.none(() -> client.putBucketPublicAccessBlock(new PutBucketPublicAccessBlockRequest(NAME, true))));
        driver.operations.put("GetBucketPublicAccessBlock", () -> Driver.fields("blocked", client.getBucketPublicAccessBlock(NAME).getBlockPublicAccess()));
        driver.operations.put("DeleteBucketPublicAccessBlock", () -> {
            client.deleteBucketPublicAccessBlock(NAME);
            return Driver.fields("blocked", client.getBucketPublicAccessBlock(NAME).getBlockPublicAccess());
        });
        driver.operations.put("PutPublicAccessBlock", Driver.none(() -> client.putPublicAccessBlock(new PutPublicAccessBlockRequest(false))));
        driver.operations.put("GetPublicAccessBlock", () -> Driver.fields("blocked", client.getPublicAccessBlock().getBlockPublicAccess()));
        driver.operations.put("DeletePublicAccessBlock", Driver.none(() -> client.deletePublicAccessBlock()));
        driver.operations.put("CreateAccessPoint", () -> {
            // Without any, the SDK fails before it sends.
            AccessPointVpcConfiguration vpc = new AccessPointVpcConfiguration();
            CreateAccessPointRequest request = new CreateAccessPointRequest(NAME).withAccessPointName(POINT).withNetworkOrigin("internet").withVpc(vpc);
            return Driver.fields("kind", Driver.lastOf(client.createAccessPoint(request).getAlias()));
        });
        driver.operations.put("GetAccessPoint", () -> {
            GetAccessPointResult found = client.getAccessPoint(new GetAccessPointRequest(NAME).withAccessPointName(POINT));
            return Driver.fields("name", found.getAccessPointName(), "bucket", found.getBucket());
        });
        driver.operations.put("ListAccessPoints", () -> {
            List<AccessPoint> found = client.listBucketAccessPoints(new ListBucketAccessPointsRequest(NAME)).getAccessPoints();
            return Driver.fields("found", found.stream().anyMatch(point -> point.getAccessPointName().equals(POINT)));
        });
        driver.operations.put("PutAccessPointPolicy", Driver.none(() -> client.putAccessPointPolicy(
            new PutAccessPointPolicyRequest(NAME).withAccessPointName(POINT).withAccessPointPolicy(Driver.env("ACCESS_POINT_POLICY")))));
        GetAccessPointPolicyRequest policy = new GetAccessPointPolicyRequest(NAME).withAccessPointName(POINT);
        driver.operations.put("GetAccessPointPolicy", () -> Driver.fields("policy", client.getAccessPointPolicy(policy).getAccessPointPolicy()));
        driver.operations.put("DeleteAccessPointPolicy", () -> {
            client.deleteAccessPointPolicy(new DeleteAccessPointPolicyRequest(NAME).withAccessPointName(POINT));
            return Driver.fields("code", driver.codeOf(() -> client.getAccessPointPolicy(policy)));
        });
        driver.operations.put("DeleteAccessPoint", () -> {
            client.deleteAccessPoint(new DeleteAccessPointRequest(NAME).withAccessPointName(POINT));
            return Driver.fields("code", driver.codeOf(() -> client.getAccessPoint(new GetAccessPointRequest(NAME).withAccessPointName(POINT))));
        });
    }
}
