"""Handlers for the benchmarks: as little work as a function can do, over keep-alive connections and with a V1 signature made by hand."""
import base64
import hashlib
import hmac
import http.client
import json
import time
from email.utils import formatdate
from urllib.parse import urlsplit

BODY = b"x" * 1024
PIECE = 262144
_connections = {}


def _connection(netloc, purpose="write"):
    connection = _connections.get((netloc, purpose))
    if connection is None:
        connection = _connections[(netloc, purpose)] = http.client.HTTPConnection(netloc, blocksize=PIECE)
    return connection


def _signed_headers(context, route, token):
    creds = context.credentials
    headers = {
        "x-oss-fwd-header-Content-Type": "application/octet-stream",
        "x-oss-fwd-status": "200",
        "x-oss-request-route": route,
        "x-oss-request-token": token,
        "x-oss-security-token": creds.security_token,
    }
    date = formatdate(usegmt=True)
    canonical = "".join("%s:%s\n" % (name, headers[name]) for name in sorted(headers, key=str.lower)).replace("header-Content-Type", "header-content-type")
    text = "POST\n\n\n%s\n%s/?x-oss-write-get-object-response" % (date, canonical)
    signature = base64.b64encode(hmac.new(creds.access_key_secret.encode(), text.encode(), hashlib.sha1).digest()).decode()
    headers["Date"] = date
    headers["Authorization"] = "OSS %s:%s" % (creds.access_key_id, signature)
    return headers


def _answer(event, context, body, length):
    target = event["getObjectContext"]
    headers = _signed_headers(context, target["outputRoute"], target["outputToken"])
    headers["Content-Length"] = str(length)
    connection = _connection(urlsplit(target["outputRoute"]).netloc)
    connection.request("POST", "/?x-oss-write-get-object-response", body=body, headers=headers)
    response = connection.getresponse()
    text = response.read()
    if response.status != 200:
        raise RuntimeError("%d %s" % (response.status, text))


def _original(event):
    url = urlsplit(event["getObjectContext"]["inputOssUrl"])
    connection = _connection(url.netloc, "read")
    connection.request("GET", url.path + "?" + url.query)
    return connection.getresponse()


def empty(event, context):
    return b"ok"


def nap(event, context):
    time.sleep(int(event or b"0") / 1000)
    return b"ok"


def answer(event, context):
    _answer(json.loads(event), context, BODY, len(BODY))


def read_and_answer(event, context):
    event = json.loads(event)
    body = _original(event).read()
    _answer(event, context, body, len(body))


def pass_through(event, context):
    event = json.loads(event)
    original = _original(event)
    length = int(original.headers["Content-Length"])
    _answer(event, context, iter(lambda: original.read(PIECE), b""), length)
