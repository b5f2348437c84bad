package matrix;

import com.aliyun.sdk.service.oss2.OSSClient;
import com.aliyun.sdk.service.oss2.models.*;
import com.aliyun.sdk.service.oss2.transport.BinaryData;
import java.util.List;

/** Blocks on public access, access points and Object FC access points with alibabacloud-oss-v2. */
final class V2AccessPoints {
    private static final String NAME = Driver.NAME;
    private static final String POINT = Driver.POINT;
    private static final String OBJECT_FC = Driver.env("OBJECT_FC");
    private final V2 driver;
    private final OSSClient client;

    V2AccessPoints(V2 driver) {
        this.driver = driver;
        this.client = driver.client;
    }

    void add() {
        blocks();
        points();
        policies();
        objectFc();
        objectFcSettings();
    }

    private Object bucketBlock() {
        GetBucketPublicAccessBlockRequest request = GetBucketPublicAccessBlockRequest.newBuilder().bucket(NAME).build();
        return Driver.fields("blocked", client.getBucketPublicAccessBlock(request).publicAccessBlockConfiguration().blockPublicAccess());
    }

    private void blocks() {
        driver.operations.put("PutBucketPublicAccessBlock", Driver.none(() -> client.putBucketPublicAccessBlock(PutBucketPublicAccessBlockRequest.newBuilder()
            .bucket(NAME).bucketPublicAccessBlockConfiguration(BucketPublicAccessBlockConfiguration.newBuilder().blockPublicAccess(true).build()).build())));
        driver.operations.put("GetBucketPublicAccessBlock", this::bucketBlock);
        driver.operations.put("DeleteBucketPublicAccessBlock", () -> {
            client.deleteBucketPublicAccessBlock(DeleteBucketPublicAccessBlockRequest.newBuilder().bucket(NAME).build());
            return bucketBlock();
        });
        driver.operations.put("PutPublicAccessBlock", Driver.none(() -> client.putPublicAccessBlock(PutPublicAccessBlockRequest.newBuilder()
            .publicAccessBlockConfiguration(PublicAccessBlockConfiguration.newBuilder().blockPublicAccess(false).build()).build())));
        driver.operations.put("GetPublicAccessBlock", () -> {
            GetPublicAccessBlockResult result = client.getPublicAccessBlock(GetPublicAccessBlockRequest.newBuilder().build());
            return Driver.fields("blocked", result.publicAccessBlockConfiguration().blockPublicAccess());
        });
        driver.operations.put("DeletePublicAccessBlock", Driver.none(() -> client.deletePublicAccessBlock(DeletePublicAccessBlockRequest.newBuilder().build())));
    }

    private GetAccessPointResultXml point() {
        return client.getAccessPoint(GetAccessPointRequest.newBuilder().bucket(NAME).accessPointName(POINT).build()).accessPointResult();
    }

    private void points() {
        driver.operations.put("CreateAccessPoint", () -> {
            CreateAccessPointConfiguration wanted = CreateAccessPointConfiguration.newBuilder().accessPointName(POINT).networkOrigin("internet").build();
            CreateAccessPointRequest request = CreateAccessPointRequest.newBuilder().bucket(NAME).createAccessPointConfiguration(wanted).build();
            return Driver.fields("kind", Driver.lastOf(client.createAccessPoint(request).accessPointResult().alias()));
        });
        driver.operations.put("GetAccessPoint", () -> Driver.fields("name", point().accessPointName(), "bucket", point().bucket()));
        driver.operations.put("ListAccessPoints", () -> {
            AccessPoints found = client.listAccessPoints(ListAccessPointsRequest.newBuilder().build()).accessPointsResult().accessPoints();
            return Driver.fields("found", found.accessPoint().stream().anyMatch(each -> each.accessPointName().equals(POINT)));
        });
        driver.operations.put("DeleteAccessPoint", () -> {
            client.deleteAccessPoint(DeleteAccessPointRequest.newBuilder().bucket(NAME).accessPointName(POINT).build());
            return Driver.fields("code", driver.codeOf(this::point));
        });
    }

    private void policies() {
        GetAccessPointPolicyRequest policy = GetAccessPointPolicyRequest.newBuilder().bucket(NAME).accessPointName(POINT).build();
        driver.operations.put("PutAccessPointPolicy", Driver.none(() -> client.putAccessPointPolicy(PutAccessPointPolicyRequest.newBuilder()
            .bucket(NAME).accessPointName(POINT).body(BinaryData.fromString(Driver.env("ACCESS_POINT_POLICY"))).build())));
        driver.operations.put("GetAccessPointPolicy", () -> Driver.fields("policy", client.getAccessPointPolicy(policy).body().toString()));
        driver.operations.put("DeleteAccessPointPolicy", () -> {
            client.deleteAccessPointPolicy(DeleteAccessPointPolicyRequest.newBuilder().bucket(NAME).accessPointName(POINT).build());
            return Driver.fields("code", driver.codeOf(() -> client.getAccessPointPolicy(policy)));
        });
    }

    private static ObjectProcessConfiguration processing() {
        ObjectProcessFunctionCompute function = ObjectProcessFunctionCompute.newBuilder()
            .functionArn(Driver.env("FUNCTION")).functionAssumeRoleArn(Driver.env("ROLE")).build();
        TransformationConfiguration one = TransformationConfiguration.newBuilder()
            .actions(AccessPointActions.newBuilder().action(List.of("GetObject")).build())
            .contentTransformation(ContentTransformation.newBuilder().functionCompute(function).build())
            .build();
        return ObjectProcessConfiguration.newBuilder()
            .allowedFeatures(ObjectProcessAllowedFeatures.newBuilder().allowedFeature(List.of("GetObject-Range")).build())
            .transformationConfigurations(TransformationConfigurations.newBuilder().transformationConfiguration(List.of(one)).build())
            .build();
    }

    private GetAccessPointForObjectProcessResultXml objectFcPoint() {
        return client.getAccessPointForObjectProcess(
            GetAccessPointForObjectProcessRequest.newBuilder().bucket(NAME).accessPointForObjectProcessName(OBJECT_FC).build()).accessPointForObjectProcessResult();
    }

    private void objectFc() {
        driver.operations.put("CreateAccessPointForObjectProcess", () -> {
            CreateAccessPointForObjectProcessConfiguration wanted = CreateAccessPointForObjectProcessConfiguration.newBuilder()
                .accessPointName(POINT).objectProcessConfiguration(processing()).build();
            CreateAccessPointForObjectProcessResult made = client.createAccessPointForObjectProcess(CreateAccessPointForObjectProcessRequest.newBuilder()
                .bucket(NAME).accessPointForObjectProcessName(OBJECT_FC).createAccessPointForObjectProcessConfiguration(wanted).build());
            return Driver.fields("kind", Driver.lastOf(made.accessPointForObjectProcessResult().accessPointForObjectProcessAlias()));
        });
        driver.operations.put("GetAccessPointForObjectProcess", () -> {
            GetAccessPointForObjectProcessResultXml found = objectFcPoint();
            return Driver.fields("name", found.accessPointNameForObjectProcess(), "accessPoint", POINT.equals(found.accessPointName()));
        });
        driver.operations.put("ListAccessPointsForObjectProcess", () -> {
            AccessPointsForObjectProcess found = client.listAccessPointsForObjectProcess(
                ListAccessPointsForObjectProcessRequest.newBuilder().build()).accessPointsForObjectProcessResult().accessPointsForObjectProcess();
            return Driver.fields("found", found.accessPointForObjectProcess().stream().anyMatch(each -> OBJECT_FC.equals(each.accessPointNameForObjectProcess())));
        });
        driver.operations.put("DeleteAccessPointForObjectProcess", () -> {
            client.deleteAccessPointForObjectProcess(
                DeleteAccessPointForObjectProcessRequest.newBuilder().bucket(NAME).accessPointForObjectProcessName(OBJECT_FC).build());
            return Driver.fields("code", driver.codeOf(this::objectFcPoint));
        });
    }

    private void objectFcSettings() {
        driver.operations.put("PutAccessPointConfigForObjectProcess", Driver.none(() -> client.putAccessPointConfigForObjectProcess(
            PutAccessPointConfigForObjectProcessRequest.newBuilder().bucket(NAME).accessPointForObjectProcessName(OBJECT_FC)
                .putAccessPointConfigForObjectProcessConfiguration(
                    PutAccessPointConfigForObjectProcessConfiguration.newBuilder().objectProcessConfiguration(processing()).build()).build())));
        driver.operations.put("GetAccessPointConfigForObjectProcess", () -> {
            ObjectProcessConfiguration config = client.getAccessPointConfigForObjectProcess(GetAccessPointConfigForObjectProcessRequest.newBuilder()
                .bucket(NAME).accessPointForObjectProcessName(OBJECT_FC).build()).accessPointConfigForObjectProcessResult().objectProcessConfiguration();
            TransformationConfiguration one = config.transformationConfigurations().transformationConfiguration().get(0);
            boolean function = Driver.env("FUNCTION").equals(one.contentTransformation().functionCompute().functionArn());
            return Driver.fields("features", config.allowedFeatures().allowedFeature(), "function", function);
        });
        GetAccessPointPolicyForObjectProcessRequest policy = GetAccessPointPolicyForObjectProcessRequest.newBuilder()
            .bucket(NAME).accessPointForObjectProcessName(OBJECT_FC).build();
        driver.operations.put("PutAccessPointPolicyForObjectProcess", Driver.none(() -> client.putAccessPointPolicyForObjectProcess(
            PutAccessPointPolicyForObjectProcessRequest.newBuilder().bucket(NAME).accessPointForObjectProcessName(OBJECT_FC)
                .body(BinaryData.fromString(Driver.env("OBJECT_FC_POLICY"))).build())));
        driver.operations.put("GetAccessPointPolicyForObjectProcess", () -> {
            return Driver.fields("policy", client.getAccessPointPolicyForObjectProcess(policy).body().toString());
        });
        driver.operations.put("DeleteAccessPointPolicyForObjectProcess", () -> {
            client.deleteAccessPointPolicyForObjectProcess(
                DeleteAccessPointPolicyForObjectProcessRequest.newBuilder().bucket(NAME).accessPointForObjectProcessName(OBJECT_FC).build());
            return Driver.fields("code", driver.codeOf(() -> client.getAccessPointPolicyForObjectProcess(policy)));
        });
    }
}
