"""Takes a service through its life with aliyun-fc2: standard input {endpoint, accessKeyId, accessKeySecret, code}, standard output what came back."""

import base64
import json
import os
import sys
import tempfile

import fc2
from fc2.fc_exceptions import FcError

job = json.load(sys.stdin)
client = fc2.Client(endpoint=job["endpoint"], accessKeyID=job["accessKeyId"], accessKeySecret=job["accessKeySecret"], Timeout=60)
said = {}


def failure(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except FcError as error:
        return [error.status_code, error.err_code]
    return None


service = client.create_service("py", description="first")
etag = service.headers["ETag"]
client.update_service("py", description="second", headers={"if-match": etag})
said["stale"] = failure(client.update_service, "py", description="third", headers={"if-match": etag})
said["description"] = client.get_service("py").data["description"]
with tempfile.TemporaryDirectory() as folder:
    package = os.path.join(folder, "code.zip")
    with open(package, "wb") as file:
        file.write(base64.b64decode(job["code"]))
    created = client.create_function("py", "fn", "python3.10", "index.handler", codeZipFile=package, timeout=20, memorySize=256)
said["memory"] = created.data["memorySize"]
said["version"] = client.publish_version("py", "one").data["versionId"]
client.create_alias("py", "prod", "1")
reply = client.invoke_function("py", "fn", payload="hello", headers={"x-fc-log-type": "Tail"}, qualifier="prod")
said["invoked"] = json.loads(reply.data)
said["log"] = base64.b64decode(reply.headers["x-fc-log-result"]).decode()
trigger = client.create_trigger("py", "fn", "t", "timer", {"payload": "p", "cronExpression": "@every 1m", "enable": True}, None, None)
said["trigger"] = trigger.data["triggerConfig"]
said["functions"] = [function["functionName"] for function in client.list_functions("py").data["functions"]]
said["missing"] = failure(client.get_function, "py", "none")
said["full"] = failure(client.delete_service, "py")
client.delete_trigger("py", "fn", "t")
client.delete_function("py", "fn")
client.delete_service("py")
said["gone"] = failure(client.get_service, "py")
print(json.dumps(said))
