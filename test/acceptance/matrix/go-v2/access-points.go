package main

import (
	"os"
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
)

func last(alias *string) fields {
	pieces := strings.Split(*alias, "-")
	return fields{"kind": pieces[len(pieces)-1]}
}

func objectProcess(feature string) *oss.ObjectProcessConfiguration {
	return &oss.ObjectProcessConfiguration{
		AllowedFeatures: &oss.ObjectProcessAllowedFeatures{AllowedFeatures: []string{feature}},
		TransformationConfigurations: &oss.TransformationConfigurations{TransformationConfigurations: []oss.TransformationConfiguration{{
			Actions: &oss.AccessPointActions{Actions: []string{"GetObject"}},
			ContentTransformation: &oss.ContentTransformation{FunctionCompute: &oss.ObjectProcessFunctionCompute{
				FunctionArn: oss.Ptr(os.Getenv("MATRIX_FUNCTION")), FunctionAssumeRoleArn: oss.Ptr(os.Getenv("MATRIX_ROLE")),
			}},
		}}},
	}
}

var accessPoints = map[string]func() fields{
	"CreateAccessPoint": func() fields {
		config := &oss.CreateAccessPointConfiguration{AccessPointName: point, NetworkOrigin: oss.Ptr("internet")}
		return last(must(client.CreateAccessPoint(ctx, &oss.CreateAccessPointRequest{Bucket: name, CreateAccessPointConfiguration: config})).Alias)
	},
	"GetAccessPoint": func() fields {
		result := must(client.GetAccessPoint(ctx, &oss.GetAccessPointRequest{Bucket: name, AccessPointName: point}))
		return fields{"name": result.AccessPointName, "bucket": result.Bucket}
	},
	"ListAccessPoints": func() fields {
		found := false
		for _, each := range must(client.ListAccessPoints(ctx, &oss.ListAccessPointsRequest{Bucket: name})).AccessPoints {
			found = found || *each.AccessPointName == *point
		}
		return fields{"found": found}
	},
	"PutAccessPointPolicy": none(func() (*oss.PutAccessPointPolicyResult, error) {
		body := strings.NewReader(os.Getenv("MATRIX_ACCESS_POINT_POLICY"))
		return client.PutAccessPointPolicy(ctx, &oss.PutAccessPointPolicyRequest{Bucket: name, AccessPointName: point, Body: body})
	}),
	"GetAccessPointPolicy": func() fields {
		return decoded(must(client.GetAccessPointPolicy(ctx, &oss.GetAccessPointPolicyRequest{Bucket: name, AccessPointName: point})).Body)
	},
	"DeleteAccessPointPolicy": func() fields {
		must(client.DeleteAccessPointPolicy(ctx, &oss.DeleteAccessPointPolicyRequest{Bucket: name, AccessPointName: point}))
		return fields{"code": refusal(client.GetAccessPointPolicy(ctx, &oss.GetAccessPointPolicyRequest{Bucket: name, AccessPointName: point})).Code}
	},
	"PutAccessPointPublicAccessBlock": none(func() (*oss.PutAccessPointPublicAccessBlockResult, error) {
		return client.PutAccessPointPublicAccessBlock(ctx, &oss.PutAccessPointPublicAccessBlockRequest{
			Bucket: name, AccessPointName: point, PublicAccessBlockConfiguration: block(true),
		})
	}),
	"GetAccessPointPublicAccessBlock": func() fields {
		request := &oss.GetAccessPointPublicAccessBlockRequest{Bucket: name, AccessPointName: point}
		return blocked(must(client.GetAccessPointPublicAccessBlock(ctx, request)).PublicAccessBlockConfiguration)
	},
	"DeleteAccessPointPublicAccessBlock": none(func() (*oss.DeleteAccessPointPublicAccessBlockResult, error) {
		return client.DeleteAccessPointPublicAccessBlock(ctx, &oss.DeleteAccessPointPublicAccessBlockRequest{Bucket: name, AccessPointName: point})
	}),
	"DeleteAccessPoint": func() fields {
		must(client.DeleteAccessPoint(ctx, &oss.DeleteAccessPointRequest{Bucket: name, AccessPointName: point}))
		return fields{"code": refusal(client.GetAccessPoint(ctx, &oss.GetAccessPointRequest{Bucket: name, AccessPointName: point})).Code}
	},
}

func policyOf() (*oss.GetAccessPointPolicyForObjectProcessResult, error) {
	return client.GetAccessPointPolicyForObjectProcess(ctx, &oss.GetAccessPointPolicyForObjectProcessRequest{
		Bucket: name, AccessPointForObjectProcessName: processing,
	})
}

func getObjectFc() (*oss.GetAccessPointForObjectProcessResult, error) {
	return client.GetAccessPointForObjectProcess(ctx, &oss.GetAccessPointForObjectProcessRequest{Bucket: name, AccessPointForObjectProcessName: processing})
}

var objectFc = map[string]func() fields{
	"CreateAccessPointForObjectProcess": func() fields {
		config := &oss.CreateAccessPointForObjectProcessConfiguration{AccessPointName: point, ObjectProcessConfiguration: objectProcess("GetObject-Range")}
		return last(must(client.CreateAccessPointForObjectProcess(ctx, &oss.CreateAccessPointForObjectProcessRequest{
			Bucket: name, AccessPointForObjectProcessName: processing, CreateAccessPointForObjectProcessConfiguration: config,
		})).AccessPointForObjectProcessAlias)
	},
	"GetAccessPointForObjectProcess": func() fields {
		result := must(getObjectFc())
		return fields{"name": result.AccessPointNameForObjectProcess, "accessPoint": *result.AccessPointName == *point}
	},
	"ListAccessPointsForObjectProcess": func() fields {
		found := false
		listed := must(client.ListAccessPointsForObjectProcess(ctx, &oss.ListAccessPointsForObjectProcessRequest{})).AccessPointsForObjectProcess
		for _, each := range listed.AccessPointForObjectProcesses {
			found = found || *each.AccessPointNameForObjectProcess == *processing
		}
		return fields{"found": found}
	},
	"PutAccessPointConfigForObjectProcess": none(func() (*oss.PutAccessPointConfigForObjectProcessResult, error) {
		return client.PutAccessPointConfigForObjectProcess(ctx, &oss.PutAccessPointConfigForObjectProcessRequest{
			Bucket: name, AccessPointForObjectProcessName: processing,
			PutAccessPointConfigForObjectProcessConfiguration: &oss.PutAccessPointConfigForObjectProcessConfiguration{ObjectProcessConfiguration: objectProcess("GetObject-Range")},
		})
	}),
	"GetAccessPointConfigForObjectProcess": func() fields {
		config := must(client.GetAccessPointConfigForObjectProcess(ctx, &oss.GetAccessPointConfigForObjectProcessRequest{
			Bucket: name, AccessPointForObjectProcessName: processing,
		})).ObjectProcessConfiguration
		function := config.TransformationConfigurations.TransformationConfigurations[0].ContentTransformation.FunctionCompute.FunctionArn
		return fields{"features": config.AllowedFeatures.AllowedFeatures, "function": *function == os.Getenv("MATRIX_FUNCTION")}
	},
	"PutAccessPointPolicyForObjectProcess": none(func() (*oss.PutAccessPointPolicyForObjectProcessResult, error) {
		body := strings.NewReader(os.Getenv("MATRIX_OBJECT_FC_POLICY"))
		return client.PutAccessPointPolicyForObjectProcess(ctx, &oss.PutAccessPointPolicyForObjectProcessRequest{
			Bucket: name, AccessPointForObjectProcessName: processing, Body: body,
		})
	}),
	"GetAccessPointPolicyForObjectProcess": func() fields { return decoded(must(policyOf()).Body) },
	"DeleteAccessPointPolicyForObjectProcess": func() fields {
		must(client.DeleteAccessPointPolicyForObjectProcess(ctx, &oss.DeleteAccessPointPolicyForObjectProcessRequest{
			Bucket: name, AccessPointForObjectProcessName: processing,
		}))
		return fields{"code": refusal(policyOf()).Code}
	},
	"DeleteAccessPointForObjectProcess": func() fields {
		must(client.DeleteAccessPointForObjectProcess(ctx, &oss.DeleteAccessPointForObjectProcessRequest{
			Bucket: name, AccessPointForObjectProcessName: processing,
		}))
		return fields{"code": refusal(getObjectFc()).Code}
	},
}
