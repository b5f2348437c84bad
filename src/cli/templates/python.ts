import type { Template } from './template.ts';

const source = `"""Gives texts out in capital letters."""

import json
import urllib.request

import oss2


def handler(event, context):
    event = json.loads(event)
    request = event["getObjectContext"]
    with urllib.request.urlopen(request["inputOssUrl"]) as original:
        text = original.read().decode()
    print(event["userRequest"]["url"])

    key = context.credentials
    auth = oss2.StsAuth(key.access_key_id, key.access_key_secret, key.security_token)
    route, token = request["outputRoute"], request["outputToken"]
    headers = {"x-oss-fwd-header-Content-Type": "text/plain; charset=utf-8"}
    oss2.Service(auth, route).write_get_object_response(route, token, "200", text.upper().encode(), headers)
`;

const manifest = (name: string) => `# How "sluice function deploy" and "sluice dev" deploy this folder.
name: ${name}
runtime: python3.10
handler: index.handler
timeout: 60
memorySize: 512
# Runs in this folder before each deployment; packages are installed again when requirements.txt is newer.
build: |
  mkdir -p build
  [ build/.installed -nt requirements.txt ] || { python3 -m pip install -q -r requirements.txt -t build && touch build/.installed; } || exit 1
  cp index.py build/
# What is deployed.
package: build
`;

/** Python with the vendor's SDK. */
export const python: Template = {
  description: 'Python with oss2: handler(event, context); needs Python and pip',
  files: (name) => ({ 'index.py': source, 'requirements.txt': 'oss2>=2.18.3\n', 'sluice.yaml': manifest(name) }),
};
