"""Answers every GetObject with a red picture, made with Pillow and sent with oss2: the contract of the vendor's example, in other words."""
import io
import json

import oss2
from PIL import Image


def handler(event, context):
    waiting = json.loads(event)["getObjectContext"]
    session = context.credentials
    service = oss2.Service(
        oss2.StsAuth(session.access_key_id, session.access_key_secret, session.security_token), waiting["outputRoute"])
    picture = io.BytesIO()
    Image.new("RGB", (200, 200), (255, 0, 0)).save(picture, format="PNG")
    answer = service.write_get_object_response(
        waiting["outputRoute"], waiting["outputToken"], "200", picture.getvalue(), {"x-oss-fwd-header-Content-Type": "image/png"})
    print("answered with", answer.status, "after", answer.request_id)
    return "done"
