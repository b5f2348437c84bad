"""Answers every GetObject with the same picture: 200x200 pixels of pure red, as PNG.

Handler: index.handler. Needs oss2 2.18.3 or newer (requirements.txt) and Pillow, which the runtime has on board.
"""

import io
import json

import oss2
from PIL import Image


def handler(event, context):
    request = json.loads(event)["getObjectContext"]
    given = context.credentials
    auth = oss2.StsAuth(given.access_key_id, given.access_key_secret, given.security_token)
    service = oss2.Service(auth, request["outputRoute"])
    result = service.write_get_object_response(
        request["outputRoute"],
        request["outputToken"],
        "200",
        red_square(200),
        {"x-oss-fwd-header-Content-Type": "image/png"},
    )
    return f"answered: {result.status}"


def red_square(side):
    picture = io.BytesIO()
    Image.new("RGB", (side, side), (255, 0, 0)).save(picture, "PNG")
    return picture.getvalue()
