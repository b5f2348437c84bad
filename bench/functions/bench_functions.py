"""Handlers for the benchmarks: as little work as a function can do, over kept connections, with a V1 signature made by hand."""
import base64
import hashlib
import hmac
import http.client
import json
import socket
import time
from email.utils import formatdate
from urllib.parse import urlsplit

BODY = b"x" * 1024
PIECE = 262144
_sockets = {}
_connections = {}
_date = (0, "")


def _now():
    global _date
    second = int(time.time())
    if _date[0] != second:
        _date = (second, formatdate(second, usegmt=True))
    return _date[1]


def _head(context, route, token, length):
    """The head of a WriteGetObjectResponse call, signed."""
    creds = context.credentials
    date = _now()
    headers = (
        "x-oss-fwd-header-content-type:application/octet-stream\n"
        "x-oss-fwd-status:200\n"
        "x-oss-request-route:%s\nx-oss-request-token:%s\nx-oss-security-token:%s\n"
    ) % (route, token, creds.security_token)
    text = "POST\n\n\n%s\n%s/?x-oss-write-get-object-response" % (date, headers)
    signature = base64.b64encode(hmac.digest(creds.access_key_secret.encode(), text.encode(), hashlib.sha1)).decode()
    return (
        "POST /?x-oss-write-get-object-response HTTP/1.1\r\nHost: sluice\r\nContent-Length: %d\r\nDate: %s\r\nAuthorization: OSS %s:%s\r\n%s\r\n"
        % (length, date, creds.access_key_id, signature, headers.replace("\n", "\r\n"))
    ).encode()


def _socket(address):
    sock = _sockets.get(address)
    if sock is None:
        host, port = address.split(":")
        sock = _sockets[address] = socket.create_connection((host, int(port)))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _answer(event, context, pieces, length):
    target = event["getObjectContext"]
    route = target["outputRoute"]
    sock = _socket(route.partition("//")[2])
    head = _head(context, route, target["outputToken"], length)
    for piece in pieces:
        sock.sendall(head + piece if head else piece)
        head = b""
    reply = b""
    while b"\r\n\r\n" not in reply:
        data = sock.recv(4096)
        if not data:
            raise RuntimeError("the server closed the connection")
        reply += data
    if not reply.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(reply)


def _original(event):
    url = urlsplit(event["getObjectContext"]["inputOssUrl"])
    connection = _connections.get(url.netloc)
    if connection is None:
        connection = _connections[url.netloc] = http.client.HTTPConnection(url.netloc, blocksize=PIECE)
    connection.request("GET", url.path + "?" + url.query)
    return connection.getresponse()


def empty(event, context):
    return b"ok"


def naps(event, context):
    time.sleep(int(event) / 1000)
    return b"ok"


def answer(event, context):
    _answer(json.loads(event), context, (BODY,), len(BODY))


def read_and_answer(event, context):
    event = json.loads(event)
    body = _original(event).read()
    _answer(event, context, (body,), len(body))


def pass_through(event, context):
    event = json.loads(event)
    original = _original(event)
    length = int(original.headers["Content-Length"])
    _answer(event, context, iter(lambda: original.read(PIECE), b""), length)
