"""One function that fails in every way at every step of its answer: the query parameter `do` of the client's URL says how. It speaks HTTP by hand."""
import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import threading
import time
from email.utils import formatdate
from urllib.parse import parse_qsl, urlsplit

BODY = b"0123456789abcdef" * 32768
HALF = len(BODY) // 2
SELECTOR = "x-oss-write-get-object-response"


class Call:
    def __init__(self, event, context):
        event = json.loads(event)
        self.target = event["getObjectContext"]
        self.query = dict(parse_qsl(urlsplit(event["userRequest"]["url"]).query))
        self.keys = context.credentials
        self.socket = None

    def open(self, framing="Content-Length: %d" % len(BODY), md5="", more="", status=200):
        """Connects and sends the head of WriteGetObjectResponse."""
        self.connect()
        self.send(self.head(framing, md5, more, status))

    def original(self, instead=None):
        """Asks for the original, or for what is not there, and reads the first bytes of the answer."""
        url = urlsplit(self.target["inputOssUrl"])
        host, port = url.netloc.split(":")
        self.reading = socket.create_connection((host, int(port)))
        self.reading.sendall(("GET %s?%s HTTP/1.1\r\nHost: %s\r\n\r\n" % (instead or url.path, url.query, url.netloc)).encode())
        self.reading.recv(4096)

    def connect(self):
        host, port = self.target["outputRoute"].partition("//")[2].split(":")
        self.socket = socket.create_connection((host, int(port)))

    def head(self, framing, md5="", more="", status=200):
        date = formatdate(time.time(), usegmt=True)
        oss = (
            "x-oss-fwd-header-content-type:text/plain\n%sx-oss-fwd-status:%d\nx-oss-request-route:%s\nx-oss-request-token:%s\nx-oss-security-token:%s\n"
        ) % (more, status, self.target["outputRoute"], self.target["outputToken"], self.keys.security_token)
        text = "POST\n%s\n\n%s\n%s/?%s" % (md5, date, oss, SELECTOR)
        signature = base64.b64encode(hmac.digest(self.keys.access_key_secret.encode(), text.encode(), hashlib.sha1)).decode()
        lines = ["POST /?%s HTTP/1.1" % SELECTOR, "Host: sluice", framing, "Date: " + date, "Authorization: OSS %s:%s" % (self.keys.access_key_id, signature)]
        if md5:
            lines.append("Content-MD5: " + md5)
        return ("\r\n".join(lines) + "\r\n" + oss.replace("\n", "\r\n") + "\r\n").encode()

    def send(self, data):
        self.socket.sendall(data)

    def status(self):
        """The status of the server's reply; 0 when there is none."""
        reply = b""
        try:
            while b"\r\n\r\n" not in reply:
                data = self.socket.recv(65536)
                if not data:
                    return 0
                reply += data
        except OSError:
            return 0
        return int(reply.split(b" ", 2)[1])

    def close(self):
        self.socket.close()

    def answer(self):
        self.open()
        self.send(BODY)
        self.expect(200)

    def expect(self, wanted):
        status = self.status()
        if status != wanted:
            raise RuntimeError("WriteGetObjectResponse was answered %d instead of %d" % (status, wanted))
        self.close()


def kill():
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


def before(call, how):
    if how == "slow":
        time.sleep(0.7)
        call.answer()
    elif how == "oversized":
        return "x" * (33 * 1024 * 1024)
    else:
        fail(how)


def read(call, how):
    """Fails with the original half read."""
    if how == "missing":
        call.original("/no-such-object")
        call.open(status=404, framing="Content-Length: 0")
        call.expect(200)
        return
    call.original()
    if how == "half":
        call.answer()
    else:
        fail(how)


def head(call, how):
    if how == "oversized":
        call.open(more="x-oss-fwd-header-x-oss-meta-large:%s\n" % ("x" * 70000))
        call.expect(200)
    elif how == "half":
        call.connect()
        call.send(call.head("Content-Length: %d" % len(BODY))[:200])
        call.close()
    elif how == "double":
        # An attempt that breaks before its first byte does not count.
        call.open()
        call.close()
        time.sleep(0.1)
        call.answer()
    else:
        call.open()
        fail(how)


def body(call, how):
    if how == "slow":
        call.open()
        pieces = 8
        for at in range(0, len(BODY), len(BODY) // pieces):
            call.send(BODY[at : at + len(BODY) // pieces])
            time.sleep(0.4)
        call.expect(200)
    elif how == "oversized":
        call.open()
        call.send(BODY + b"more than was declared")
        call.expect(200)
    elif how == "false":
        call.open(md5=base64.b64encode(hashlib.md5(b"another body").digest()).decode())
        call.send(BODY)
        call.expect(200)
    elif how == "chunked":
        call.open(framing="Transfer-Encoding: chunked")
        call.send(b"%x\r\n" % HALF + BODY[:HALF] + b"\r\n")
        call.close()
    elif how == "half":
        call.open()
        call.send(BODY[:HALF])
        call.close()
    elif how == "early":
        # Returns while a thread of its own still holds the answer open.
        call.open()
        call.send(BODY[:HALF])
        threading.Thread(target=lambda: (time.sleep(0.3), call.close()), daemon=True).start()
    else:
        call.open()
        call.send(BODY[:HALF])
        time.sleep(0.1)
        fail(how)


def after(call, how):
    call.answer()
    if how == "double":
        call.open()
        call.send(BODY)
        call.expect(403)
    elif how == "slow":
        time.sleep(0.7)
    elif how == "oversized":
        return "x" * (33 * 1024 * 1024)
    elif how != "early":
        fail(how)


def both(call, how):
    """Two answers at once: one is taken, the other refused."""
    seen = []

    def one():
        own = Call.__new__(Call)
        own.__dict__.update(call.__dict__)
        own.open()
        try:
            own.send(BODY)
        except OSError:
            pass
        seen.append(own.status())

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if seen.count(200) != 1:
        raise RuntimeError("of two answers at once %s were taken" % seen)


def fail(how):
    if how == "kill":
        kill()
    elif how == "hang":
        time.sleep(600)
    elif how == "raise":
        raise ValueError("the function raised on purpose")
    elif how != "early":
        raise RuntimeError("there is no way to fail called " + how)


steps = {"before": before, "read": read, "head": head, "body": body, "after": after, "both": both}


def handler(event, context):
    call = Call(event, context)
    print("ran", call.query["cell"], flush=True)
    step, _, how = call.query["do"].partition("-")
    return steps[step](call, how) or "done"
