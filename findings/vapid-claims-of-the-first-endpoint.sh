#!/usr/bin/env bash
# pywebpush 2.5.0: claims given to two calls of `webpush` make the second one sign for the first one's push service.
#
# A good guess: `vapid_claims={"sub": ...}` says who sends; `aud` is derived from each subscription's endpoint, so one
# constant dict serves every device.
# What happens: the function writes `aud` and `exp` into the dict that it was given and derives `aud` only where there is
# none. From the second call on the token names the origin of the first endpoint ever sent to. As long as all devices
# use one push service nothing shows; the first device of another one gets tokens meant for a foreign origin, which its
# service has to refuse (RFC 8292 4.2), and which of them is refused depends on who was first.
# For users: after a restart Firefox gets no calls and Chrome does, or the other way round. Give a new dict each time.
# Source: https://www.rfc-editor.org/rfc/rfc8292#section-2 (aud) and section 4.2; pywebpush/__init__.py (webpush).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check pywebpush==2.5.0
"$here/venv/bin/python" - <<'EOF'
import base64
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid
from pywebpush import webpush


class PushService(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        token = self.headers["Authorization"].split("t=")[1].split(",")[0]
        payload = token.split(".")[1]
        told.append(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["aud"])
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def send(origin: str, claims: dict[str, str]) -> None:
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    device = {"endpoint": f"{origin}/d", "keys": {"p256dh": coded(point), "auth": coded(os.urandom(16))}}
    webpush(device, "ring", vapid_private_key=signer, vapid_claims=claims, timeout=20)


told: list[str] = []
signer = Vapid()
signer.generate_keys()
services = [ThreadingHTTPServer(("127.0.0.1", 0), PushService) for _ in range(2)]
for each in services:
    threading.Thread(target=each.serve_forever, daemon=True).start()
origins = [f"http://127.0.0.1:{each.server_port}" for each in services]
CLAIMS = {"sub": "mailto:ops@example.com"}
for origin in origins:
    send(origin, CLAIMS)
for origin in origins:
    send(origin, {"sub": "mailto:ops@example.com"})
shared, fresh = told[:2], told[2:]
print("pywebpush", version("pywebpush"), "endpoints:", *origins)
print("aud with one dict:", *shared, " with a new one each:", *fresh)
assert fresh == origins
assert shared == [origins[0], origins[0]], "aud is derived each time now: this finding is out of date"
EOF
