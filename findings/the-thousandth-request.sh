#!/usr/bin/env bash
# httpx2 2.16.2 and httpx 0.28.1 with HTTP/2, nginx 1.22: each thousandth request is carried out, and raises an error.
#
# A good guess: a client that keeps a connection opens another when the server has had enough of the first one. nginx
# ends connections after a number of requests (`keepalive_requests`, 1,000 by default), and over HTTP/1.1 nobody notices.
# What happens: over HTTP/2 nginx says so by GOAWAY with the number of the last request that it takes, then answers that
# one. h2 calls the connection closed at GOAWAY, so the answer behind it is LocalProtocolError, "Invalid input
# ConnectionInputs.RECV_HEADERS in state ConnectionState.CLOSED", though it is the client's word for its own mistakes.
# nginx has logged the request with 200. Here one POST after another fails at 1,000, 2,000 and 3,000; many at once lose
# whatever is under way. libcurl on the same server has 3,500 answers.
# For users: one post in a thousand is lost or, where the caller tries again, done twice: a message, a mail, a payment.
# No test of fewer requests sees it, and a retry for errors of the remote side (RemoteProtocolError) passes it by. Give
# each POST a key by which the server knows a repetition, and try again on both errors; or stay with HTTP/1.1.
# Source: https://github.com/encode/httpcore/issues/46 (comments of 2023);
# https://github.com/python-hyper/h2/issues/1181; https://github.com/socketry/async-http/pull/245 (August 2026: the same
# in Ruby); RFC 9113, 6.8; https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_requests.
set -euo pipefail
command -v nginx >/dev/null || { echo "needs Debian's package nginx-light" >&2; exit 2; }
here=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check \
    h2==4.4.1 httpcore==1.0.9 httpcore2==2.16.2 httpx==0.28.1 httpx2==2.16.2 pycurl==7.49.0
cd "$here"
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost 2>/dev/null
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >nginx.conf <<CONF
daemon off;
pid pid;
worker_processes 1;
events {}
http {
    log_format line '\$server_protocol \$request_uri \$status';
    access_log access.log line;
    client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {
        listen 127.0.0.1:$port ssl http2;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        location / { return 200 "done"; }
    }
}
CONF
nginx -v
nginx -p "$here" -c "$here/nginx.conf" -e "$here/error.log" &
server=$!
cat >post.py <<'PYTHON'
import importlib
import io
import ssl
import sys
import time
from pathlib import Path

import pycurl

BASE, REQUESTS = f"https://localhost:{sys.argv[1]}", 3_500


def by_curl(name):
    handle, failed = pycurl.Curl(), {}
    for number in range(1, REQUESTS + 1):
        answer = io.BytesIO()
        handle.setopt(pycurl.URL, f"{BASE}/{name}/{number}")
        handle.setopt(pycurl.CAINFO, "cert.pem")
        handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2_0)
        handle.setopt(pycurl.POSTFIELDS, "{}")
        handle.setopt(pycurl.WRITEDATA, answer)
        handle.perform()
        if answer.getvalue() != b"done":
            failed[number] = answer.getvalue()
    return failed


def by_httpx(name):
    module, failed = importlib.import_module(name), {}
    with module.Client(http2=True, verify=ssl.create_default_context(cafile="cert.pem")) as client:
        for number in range(1, REQUESTS + 1):
            try:
                answer = client.post(f"{BASE}/{name}/{number}", content="{}")
                assert answer.http_version == "HTTP/2" and answer.text == "done"
            except (module.LocalProtocolError, module.RemoteProtocolError) as error:
                failed[number] = f"{type(error).__name__}: {error}"
    return failed


for name, post in {"httpx2": by_httpx, "httpx": by_httpx, "pycurl": by_curl}.items():
    failed = post(name)
    time.sleep(0.5)
    logged = set(Path("access.log").read_text().splitlines())
    done = [number for number in failed if f"HTTP/2.0 /{name}/{number} 200" in logged]
    print(f"{name}: of {REQUESTS} posts failed {list(failed)}; of these nginx logged as answered with 200 {done}")
    print("   ", set(failed.values()) or "each was answered")
    assert list(failed) == ([] if name == "pycurl" else [1_000, 2_000, 3_000]), "this finding is out of date"
    assert done == list(failed), "the failed ones are not carried out: this finding is out of date"
PYTHON
for _ in $(seq 50); do
    curl -s --cacert cert.pem "https://localhost:$port/" >/dev/null 2>&1 && break
    sleep 0.1
done
venv/bin/python post.py "$port"
