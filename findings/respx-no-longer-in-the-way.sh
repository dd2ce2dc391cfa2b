#!/usr/bin/env bash
# openai 3.57.0 with respx 0.23.1: the mock of httpx is on, answers nothing, and the request goes out.
#
# A good guess: the SDKs of OpenAI and Anthropic use httpx, so respx (or pytest-httpx, or a tracer of httpx) stands
# between a test and the network, and with all of httpx's requests mocked none can leave.
# What happens: since August 2026 the SDKs import httpx2, a package beside httpx with classes of its own. respx patches
# httpx only: its route counts 0 calls, the server gets the request with its key, and the test is green as long as the
# answer fits. httpx itself is mocked all the while. An own `httpx.Client(...)`, with its proxy, certificates and
# limits, openai 3.57.0 takes (its guide calls that temporary) and anthropic 2.14.0 refuses with a TypeError.
# For users: after an upgrade the tests bill tokens, or send fixtures to a provider, without turning red. Test against a
# server on the loopback, and block the network in CI.
# Source: https://github.com/openai/openai-python/blob/main/httpx2.md and its release v3.0.0;
# https://github.com/anthropics/anthropic-sdk-python/issues/1755; https://lundberg.github.io/respx/guide/ ("Mock HTTPX").
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check \
    openai==3.57.0 anthropic==2.14.0 httpx2==2.16.2 httpx==0.28.1 respx==0.23.1
"$here/venv/bin/python" - <<'EOF'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anthropic
import httpx
import openai
import respx


class Provider(BaseHTTPRequestHandler):
    calls = 0

    def do_GET(self) -> None:
        type(self).calls += 1
        answer = json.dumps({"object": "list", "data": []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
with respx.mock(assert_all_called=False) as mock:
    everything = mock.route().respond(json={"object": "list", "data": []})
    openai.OpenAI(api_key="none", base_url=url).models.list()
    by_sdk = everything.call_count, Provider.calls
    httpx.get(url)
    by_httpx = everything.call_count - by_sdk[0], Provider.calls - by_sdk[1]


def takes_a_client_of_httpx(sdk: type) -> bool:
    try:
        sdk(api_key="none", base_url=url, http_client=httpx.Client())
    except TypeError:
        return False
    return True


takes = takes_a_client_of_httpx(openai.OpenAI), takes_a_client_of_httpx(anthropic.Anthropic)
print("openai", openai.__version__, "anthropic", anthropic.__version__, "respx", respx.__version__)
print("mocked and real calls by the SDK:", by_sdk, " by httpx:", by_httpx, " takes an httpx.Client:", takes)
assert by_sdk == (0, 1), "the mock is in the way again: this finding is out of date"
assert by_httpx == (1, 0)
assert takes == (True, False)
EOF
