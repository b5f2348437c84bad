"""Hands its event and credentials to the test, which acts in its place, and then does what the test orders. Standard library only."""
import json
import os
import time
import urllib.parse
import urllib.request

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def handler(event, context):
    told = json.loads(event)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(told["userRequest"]["url"]).query))
    keys = context.credentials
    report = {
        "event": told,
        "credentials": {"accessKeyId": keys.access_key_id, "accessKeySecret": keys.access_key_secret, "securityToken": keys.security_token},
        "seen": {"pid": os.getpid(), "uid": os.getuid(), "environment": sorted(os.environ)},
    }
    request = urllib.request.Request(query["report"], json.dumps(report).encode(), {"Content-Type": "application/json", "Connection": "close"})
    with direct.open(request, timeout=120) as response:
        order = response.read().decode()
    if order == "raise":
        raise RuntimeError("raised by order")
    if order == "exit":
        os._exit(9)
    if order == "hoard":
        kept = []
        while True:
            kept.append(bytearray(4 << 20))
    if order == "hang":
        time.sleep(600)
    return order
