#!/usr/bin/env bash
# botocore 1.43.106 with urllib3 2.8.0: each new TLS connection of one client parses all authorities again.
#
# A good guess: a client reads the file of certificates that it trusts once, when it or its context is made; what a new
# connection costs is the handshake, a millisecond or two.
# What happens: urllib3 calls `load_verify_locations` on the context, which is kept, for every connection that it opens,
# and botocore hands it the file each time. OpenSSL 3 parses 127 certificates, whatever the store has already, so the
# second connection of a client costs as much as its first, and some sixteen times as much as with a folder of hashed
# names, of which OpenSSL reads one file. For users: a cold Lambda function opens a connection to each service that it
# calls, at a third of a core; a pool that closes idle connections pays again and again. boto3 has no option for a
# folder.
# Source: urllib3/util/ssl_.py (ssl_wrap_socket); botocore/httpsession.py (_setup_ssl_cert);
# https://docs.openssl.org/3.0/man3/SSL_CTX_load_verify_locations/ (CAfile and CApath).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check botocore==1.43.106 urllib3==2.8.0
cd "$here"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out own.pem -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost 2> /dev/null
bundle=$("$here/venv/bin/python" -c 'from botocore import httpsession; print(httpsession.DEFAULT_CA_BUNDLE)')
cat "$bundle" own.pem > all.pem
mkdir folder
cp own.pem "folder/$(openssl x509 -in own.pem -noout -subject_hash).0"
cat > server.py <<'EOF'
import http.server
import ssl


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("own.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
EOF
"$here/venv/bin/python" - <<'EOF'
import ssl
import statistics
import subprocess
import sys
import time

import botocore
import urllib3
from botocore.awsrequest import AWSPreparedRequest
from botocore.httpsession import URLLib3Session

server = subprocess.Popen([sys.executable, "server.py"], stdout=subprocess.PIPE, text=True)
url = f"https://localhost:{int(server.stdout.readline())}/"


def cpu_ms(open_one):
    began = time.process_time()
    open_one()
    return (time.process_time() - began) * 1000


def by_botocore():
    assert session.send(AWSPreparedRequest("GET", url, {}, None, False)).status_code == 200
    session._manager.clear()  # as when the connection has been idle for too long


def from_a_folder():
    assert pool.request("GET", url, headers={"Connection": "close"}).status == 200
    pool.clear()


try:
    session = URLLib3Session(verify="all.pem")
    first = cpu_ms(by_botocore)
    later = statistics.median(cpu_ms(by_botocore) for _ in range(15))
    pool = urllib3.PoolManager(ca_cert_dir="folder", ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    cpu_ms(from_a_folder)
    folder = statistics.median(cpu_ms(from_a_folder) for _ in range(15))
finally:
    server.terminate()
    server.wait()
print(
    f"botocore {botocore.__version__}, urllib3 {urllib3.__version__}, {ssl.OPENSSL_VERSION}: CPU time of a connection:"
    f" first {first:.1f} ms, later {later:.1f} ms, authorities in a folder {folder:.1f} ms"
)
assert later > 0.5 * first and later > 3 * folder, "later connections are cheap now: this finding is out of date"
EOF
