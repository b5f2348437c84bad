"""Calls STS with aliyun-python-sdk-core: standard input {endpoint, accessKeyId, accessKeySecret, securityToken, action, params, method}, standard output its answer."""

import json
import sys

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.credentials import AccessKeyCredential, StsTokenCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest

job = json.load(sys.stdin)
if job.get("securityToken"):
    credential = StsTokenCredential(job["accessKeyId"], job["accessKeySecret"], job["securityToken"])
else:
    credential = AccessKeyCredential(job["accessKeyId"], job["accessKeySecret"])
client = AcsClient(region_id="cn-qingdao", credential=credential)
request = RpcRequest("Sts", "2015-04-01", job["action"])
request.set_endpoint(job["endpoint"].split("//")[1])
request.set_accept_format("JSON")
request.set_protocol_type("http")
request.set_method(job["method"])
for name, value in job["params"].items():
    if job["method"] == "POST":
        request.add_body_params(name, value)
    else:
        request.add_query_param(name, value)
try:
    print(json.dumps({"ok": True, "answer": json.loads(client.do_action_with_exception(request))}))
except ServerException as error:
    print(
        json.dumps(
            {
                "ok": False,
                "status": error.get_http_status(),
                "code": error.get_error_code(),
                "message": error.get_error_msg(),
                "requestId": error.get_request_id(),
            }
        )
    )
