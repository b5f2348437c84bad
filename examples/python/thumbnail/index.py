"""Answers GetObject with a JPEG thumbnail, ?w= pixels wide.

Handler: index.handler. Needs oss2 2.18.3 or newer (requirements.txt) and Pillow, which the runtime has on board.
"""

import io
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from xml.sax.saxutils import escape

import oss2
from PIL import Image, ImageOps

DEFAULT_WIDTH, LEAST_WIDTH, MOST_WIDTH = 320, 16, 4096
MOST_ORIGINAL_BYTES = 64 * 1024 * 1024
# Statuses that WriteGetObjectResponse may forward when the original could not be read.
FORWARDED = {400, 401, 403, 404, 412, 416, 503}

# Connections to the gateway are kept from one invocation to the next.
session = oss2.Session()


class Refusal(Exception):
    """What the client is told instead of a picture."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def handler(event, context):
    event = json.loads(event)
    try:
        width = wanted_width(event)
        body = thumbnail(read_original(event["getObjectContext"]["inputOssUrl"]), width)
        answer(event, context, 200, body, "image/jpeg")
        return f"{width} pixels wide, {len(body)} bytes"
    except Refusal as refusal:
        answer(event, context, refusal.status, error_xml(refusal), "application/xml")
        return refusal.message


def wanted_width(event):
    """The width that the client asked for by ?w=."""
    query = urllib.parse.urlsplit(event.get("userRequest", {}).get("url", "")).query
    text = urllib.parse.parse_qs(query).get("w", [str(DEFAULT_WIDTH)])[0]
    if not re.fullmatch("[0-9]{1,4}", text) or not LEAST_WIDTH <= int(text) <= MOST_WIDTH:
        raise Refusal(400, "InvalidArgument", f"w must be a whole number from {LEAST_WIDTH} to {MOST_WIDTH}.")
    return int(text)


def read_original(url):
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            original = response.read(MOST_ORIGINAL_BYTES + 1)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise Refusal(404, "NoSuchKey", "The specified key does not exist.") from error
        status = error.code if error.code in FORWARDED else 500
        raise Refusal(status, "OriginalNotReadable", f"The original could not be read: status {error.code}.") from error
    except OSError as error:
        raise Refusal(503, "OriginalNotReadable", "The original could not be read: no connection.") from error
    if len(original) > MOST_ORIGINAL_BYTES:
        raise Refusal(400, "InvalidArgument", f"The original is larger than {MOST_ORIGINAL_BYTES} bytes.")
    return original


def thumbnail(original, width):
    """A JPEG at most `width` pixels wide, upright, on white where the original is transparent."""
    try:
        image = Image.open(io.BytesIO(original))
        turned = image.getexif().get(0x0112, 1) >= 5
        box = (image.height, width) if turned else (width, image.height)
        # A JPEG is decoded at a fraction of its size where that is enough (draft mode), then resized exactly.
        image.thumbnail(box, Image.Resampling.LANCZOS, reducing_gap=2.0)
        image = ImageOps.exif_transpose(image)
        if image.mode != "RGB":
            layer = image.convert("RGBA")
            image = Image.new("RGB", layer.size, "white")
            image.paste(layer, mask=layer)
    # Pillow raises many kinds of error for bytes that are not a whole picture; all of them are the original's fault.
    except Exception as error:
        raise Refusal(400, "NotAPicture", f"The original is not a picture that Pillow can read ({type(error).__name__}).") from error
    result = io.BytesIO()
    image.save(result, "JPEG", quality=85)
    return result.getvalue()


def answer(event, context, status, body, content_type):
    """Sends the client's response through WriteGetObjectResponse, with the credentials of this invocation."""
    route, token = event["getObjectContext"]["outputRoute"], event["getObjectContext"]["outputToken"]
    given = context.credentials
    auth = oss2.StsAuth(given.access_key_id, given.access_key_secret, given.security_token)
    headers = {"x-oss-fwd-header-Content-Type": content_type}
    oss2.Service(auth, route, session=session).write_get_object_response(route, token, str(status), body, headers)


def error_xml(refusal):
    """The shape of an OSS error, so that SDKs report code and message."""
    fields = f"<Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{fields}</Error>\n'.encode()
