#!/usr/bin/env bash
# firebase-admin 7.7.0: the first `send_each` of a process asks for an access token once for every message in it.
#
# A good guess: one process has one credential, so 40 messages cost one call to the token endpoint and 40 to FCM.
# What happens: `send_each` opens a thread for each message, each of them finds no valid token and refreshes the shared
# credential for itself, with nothing between them: 40 messages make 40 calls to the token endpoint before the first
# push goes out. The second `send_each` makes none; when the token has ended, an hour later, all of it comes again.
# For users: on Lambda each cold start is a first call, just when a burst of messages makes many of them start; a
# quota or a slow answer of the token endpoint delays all pushes, calls too. Refresh the credential once before.
# Source: https://firebase.google.com/docs/cloud-messaging/send/admin-sdk (send_each);
# firebase_admin/messaging.py (send_each); https://googleapis.dev/python/google-auth/latest/reference/google.auth.transport.requests.html
# (AuthorizedSession).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check firebase-admin==7.7.0 google-auth==2.63.0 cryptography==50.0.2
"$here/venv/bin/python" -W ignore - <<'EOF'
import json
import threading
import time
from collections import Counter
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class Google(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: Counter[str] = Counter()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen[self.path] += 1
        token = {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}
        if self.path == "/token":
            time.sleep(0.5)  # a round trip to the internet
        answer = json.dumps(token if self.path == "/token" else {"name": "projects/p/messages/1"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Google)
threading.Thread(target=server.serve_forever, daemon=True).start()

import firebase_admin
from firebase_admin import credentials, messaging

here = f"http://127.0.0.1:{server.server_port}"
key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
account = {
    "type": "service_account",
    "project_id": "p",
    "private_key_id": "k",
    "private_key": key.decode(),
    "client_email": "push@example.com",
    "token_uri": f"{here}/token",
}
certificate = credentials.Certificate(account)
app = firebase_admin.initialize_app(certificate, {"projectId": "p"})
messaging._get_messaging_service(app)._fcm_url = f"{here}/send"  # there is no option for it
asked = []
for ended in (False, False, True):
    Google.seen.clear()
    if ended:
        certificate.get_credential().expiry = datetime(2026, 1, 1)
    done = messaging.send_each([messaging.Message(token=f"device-{n}") for n in range(40)], app=app)
    asked.append((done.success_count, Google.seen["/send"], Google.seen["/token"]))
print("firebase-admin", firebase_admin.__version__, "sent, calls to FCM, calls for a token: first, second, ended:", *asked)
assert [each[:2] for each in asked] == [(40, 40)] * 3 and asked[1][2] == 0
assert asked[0][2] > 20 and asked[2][2] > 20, "tokens are shared now: this finding is out of date"
EOF
