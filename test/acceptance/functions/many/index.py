"""One function with many behaviours: the query parameter `do` of the client's URL chooses. It speaks through oss2, packed beside it."""
import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request

import oss2

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Call:
    def __init__(self, event, context):
        self.event = json.loads(event)
        self.waiting = self.event["getObjectContext"]
        self.query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.event["userRequest"]["url"]).query, keep_blank_values=True))
        keys = context.credentials
        secrets = (keys.access_key_id, keys.access_key_secret, keys.security_token)
        self.auth = oss2.StsAuth(*secrets, auth_version="v4") if self.query.get("auth") == "v4" else oss2.StsAuth(*secrets)
        self.service = oss2.Service(self.auth, self.waiting["outputRoute"], region="cn-qingdao")

    def original(self):
        with direct.open(self.waiting["inputOssUrl"], timeout=20) as response:
            return response.read()

    def answer(self, body, status="200", headers=None, token=None):
        return self.service.write_get_object_response(
            self.waiting["outputRoute"], token or self.waiting["outputToken"], status, body, headers or {})


def upper(call):
    call.answer(call.original().upper(), headers={"x-oss-fwd-header-Content-Type": "text/plain"})


def echo(call):
    call.answer(json.dumps(call.event).encode(), headers={"x-oss-fwd-header-Content-Type": "application/json"})


def chunked(call):
    """An iterator has no length: oss2 sends it chunked."""
    count, size = int(call.query["count"]), int(call.query["size"])
    call.answer((bytes([65 + index % 26]) * size for index in range(count)))


def forward(call):
    """Status, headers and body as the query says."""
    headers = {"x-oss-fwd-header-" + name: value for name, value in json.loads(call.query.get("headers", "{}")).items()}
    call.answer(base64.b64decode(call.query.get("body", "")), call.query["status"], headers)


def from_bucket(call):
    """Reads the original by name with the context's credentials, as a function does that was written before inputOssUrl."""
    bucket = oss2.Bucket(call.auth, call.waiting["outputRoute"], call.query["bucket"], region="cn-qingdao")
    call.answer(bucket.get_object(call.query["key"]).read())


def missing(call):
    """What reading a missing original looks like from inside."""
    try:
        call.original()
    except urllib.error.HTTPError as fault:
        call.answer(fault.read(), str(fault.code))
    else:
        call.answer(b"found")


def raises(call):
    raise ValueError("the function raised on purpose")


def exits(call):
    import os
    os._exit(3)


def hangs(call):
    time.sleep(600)


def silent(call):
    return None


def late(call):
    """Answers, then raises: the client has its answer already."""
    call.answer(b"answered before the end")
    raise RuntimeError("raised after the answer")


behaviours = {
    "upper": upper, "echo": echo, "chunked": chunked, "forward": forward, "bucket": from_bucket, "missing": missing,
    "raise": raises, "exit": exits, "hang": hangs, "silent": silent, "late": late,
}


def handler(event, context):
    call = Call(event, context)
    behaviours[call.query["do"]](call)
    return "done"
