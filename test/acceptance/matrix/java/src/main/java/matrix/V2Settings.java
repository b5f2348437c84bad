package matrix;

import com.aliyun.sdk.service.oss2.OSSClient;
import com.aliyun.sdk.service.oss2.models.*;
import com.aliyun.sdk.service.oss2.transport.BinaryData;
import java.util.List;

/** Settings of buckets with alibabacloud-oss-v2. */
final class V2Settings {
    private static final String NAME = Driver.NAME;
    private static final String KEY = Driver.KEY;
    private final V2 driver;
    private final OSSClient client;

    V2Settings(V2 driver) {
        this.driver = driver;
        this.client = driver.client;
    }

    private Object bucketTags() {
        return V2.tagsOf(client.getBucketTags(GetBucketTagsRequest.newBuilder().bucket(NAME).build()).tagging());
    }

    void add() {
        driver.operations.put("PutBucketTags", Driver.none(() -> client.putBucketTags(PutBucketTagsRequest.newBuilder().bucket(NAME).tagging(V2.tagging("team", "a")).build())));
        driver.operations.put("GetBucketTags", this::bucketTags);
        driver.operations.put("DeleteBucketTags", () -> {
            client.deleteBucketTags(DeleteBucketTagsRequest.newBuilder().bucket(NAME).build());
            return bucketTags();
        });
        GetBucketPolicyRequest policy = GetBucketPolicyRequest.newBuilder().bucket(NAME).build();
        driver.operations.put("PutBucketPolicy", Driver.none(() -> client.putBucketPolicy(
            PutBucketPolicyRequest.newBuilder().bucket(NAME).body(BinaryData.fromString(Driver.env("POLICY"))).build())));
        driver.operations.put("GetBucketPolicy", () -> Driver.fields("policy", client.getBucketPolicy(policy).body().toString()));
        driver.operations.put("GetBucketPolicyStatus", () -> {
            return Driver.fields("public", client.getBucketPolicyStatus(GetBucketPolicyStatusRequest.newBuilder().bucket(NAME).build()).policyStatus().isPublic());
        });
        driver.operations.put("DeleteBucketPolicy", () -> {
            client.deleteBucketPolicy(DeleteBucketPolicyRequest.newBuilder().bucket(NAME).build());
            return Driver.fields("code", driver.codeOf(() -> client.getBucketPolicy(policy)));
        });
        GetBucketCorsRequest cors = GetBucketCorsRequest.newBuilder().bucket(NAME).build();
        driver.operations.put("PutBucketCors", Driver.none(() -> {
            CORSRule rule = CORSRule.newBuilder().allowedOrigins(List.of("http://a.example")).allowedMethods(List.of("GET", "PUT"))
                .allowedHeaders(List.of("*")).maxAgeSeconds(60L).build();
            CORSConfiguration rules = CORSConfiguration.newBuilder().corsRules(List.of(rule)).build();
            client.putBucketCors(PutBucketCorsRequest.newBuilder().bucket(NAME).corsConfiguration(rules).build());
        }));
        driver.operations.put("GetBucketCors", () -> Driver.fields("origins", client.getBucketCors(cors).corsConfiguration().corsRules().get(0).allowedOrigins()));
        driver.operations.put("OptionObject", () -> Driver.fields("origin", client.optionObject(OptionObjectRequest.newBuilder().bucket(NAME).key(KEY)
            .origin("http://a.example").accessControlRequestMethod("PUT").build()).accessControlAllowOrigin()));
        driver.operations.put("DeleteBucketCors", () -> {
            client.deleteBucketCors(DeleteBucketCorsRequest.newBuilder().bucket(NAME).build());
            return Driver.fields("code", driver.codeOf(() -> client.getBucketCors(cors)));
        });
        driver.operations.put("PutBucketReferer", Driver.none(() -> {
            RefererConfiguration allowed = RefererConfiguration.newBuilder().allowEmptyReferer(true)
                .refererList(RefererList.newBuilder().referers(List.of("http://a.example")).build()).build();
            client.putBucketReferer(PutBucketRefererRequest.newBuilder().bucket(NAME).refererConfiguration(allowed).build());
        }));
        driver.operations.put("GetBucketReferer", () -> {
            RefererConfiguration found = client.getBucketReferer(GetBucketRefererRequest.newBuilder().bucket(NAME).build()).refererConfiguration();
            return Driver.fields("referers", found.refererList().referers(), "empty", found.allowEmptyReferer());
        });
    }
}
