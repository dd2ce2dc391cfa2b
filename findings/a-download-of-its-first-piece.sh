#!/usr/bin/env bash
# Chromium 156, httpx 0.28.1, httpx2 2.16.2, Node 24.21.0: of an answer compressed in pieces, the first, as a success.
#
# A good guess: gzip and zstd are made for this: a file may have many members (RFC 1952) or frames (RFC 8878) one after
# another, as pigz, `cat a.gz b.gz`, Firehose's files and servers write them that compress what they have and go on. So
# a `Content-Encoding` in pieces is read whole by everybody, or refused.
# What happens: of two gzip members Chromium's `fetch`, httpx and httpx2 have the first, with status 200 and no error;
# curl has the first and fails; urllib3, aiohttp and Node have both. With zstd it is Node 24 that has the first alone,
# and only where both frames come in one packet: with a pause between them it has both, while httpx reads both from one
# packet and raises DecodingError after a pause. Of these eight only urllib3, aiohttp and Node 26.10.0 are always right.
# For users: an export, a log or a list that ends early in the browser and is whole in every test on the server; with
# zstd one that ends early on a quick network. Compress an answer as one stream, or store its pieces uncompressed.
# Source: https://github.com/curl/curl/issues/22156, https://github.com/pydantic/pydantic-ai/issues/7159 and
# https://github.com/nodejs/node/issues/64741 (all 2026); https://www.rfc-editor.org/rfc/rfc1952#section-2.2;
# https://www.rfc-editor.org/rfc/rfc8878#section-3.1; https://compression.spec.whatwg.org/ (one member, for streams).
set -euo pipefail
for needed in chromium curl; do
    command -v "$needed" >/dev/null || { echo "needs Debian's packages chromium and curl" >&2; exit 2; }
done
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check httpx==0.28.1 httpx2==2.16.2 aiohttp==3.14.5 \
    urllib3==2.8.0 zstandard==0.25.0 backports.zstd==1.8.0 playwright==1.65.2
for version in 24.21.0 26.10.0; do
    npm install --silent --no-fund --no-audit --prefix "$here/$version" "node@$version" >/dev/null
done
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'PYTHON'
import asyncio
import gzip
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import httpx
import httpx2
import urllib3
import zstandard
from playwright.sync_api import sync_playwright

PIECES = b'{"n": 1}\n' * 2000, b'{"n": 2}\n' * 1000
FIRST, BOTH = 18_000, 27_000
COMPRESS = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}
FETCH = "fetch('{}').then((got) => got.arrayBuffer()).then((body) => console.log(body.byteLength))"


class Pieces(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        _, encoding, how = f"{self.path}/".split("/")[:3]
        body = [COMPRESS[encoding](piece) for piece in PIECES] if encoding in COMPRESS else []
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        if body:
            self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(sum(map(len, body))))
        self.end_headers()
        for part in [b"".join(body)] if how == "together" else body:
            self.wfile.write(part)
            time.sleep(0.2)

    def log_message(self, *_):
        pass


async def by_aiohttp(url):
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return len(await response.read())


def by(client, url):
    try:
        return len(client.get(url).content)
    except client.DecodingError:
        return "DecodingError"


def printed(*command):
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(ran.stdout)


def by_curl(url):
    ran = subprocess.run(["curl", "--silent", "--compressed", url], capture_output=True)
    return (ran.returncode, len(ran.stdout)) if ran.returncode else len(ran.stdout)


server = ThreadingHTTPServer(("127.0.0.1", 0), Pieces)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
found = {}
for encoding in COMPRESS:
    for how in ("together", "apart"):
        url = f"{base}/{encoding}/{how}"
        found[encoding, how] = {
            "urllib3": len(urllib3.request("GET", url).data),
            "aiohttp": asyncio.run(by_aiohttp(url)),
            "httpx": by(httpx, url),
            "httpx2": by(httpx2, url),
            "curl": by_curl(url),
            "node 24": printed("24.21.0/node_modules/.bin/node", "-e", FETCH.format(url)),
            "node 26": printed("26.10.0/node_modules/.bin/node", "-e", FETCH.format(url)),
        }
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    print("chromium", browser.version, "httpx", httpx.__version__, "httpx2", httpx2.__version__)
    page = browser.new_page()
    page.goto(f"{base}/empty/page")
    for (encoding, how), lengths in found.items():
        read = "url => fetch(url).then((got) => got.arrayBuffer()).then((body) => body.byteLength)"
        lengths["chromium"] = page.evaluate(read, f"{base}/{encoding}/{how}")
    browser.close()
for key, lengths in found.items():
    print(*key, lengths)
whole = dict.fromkeys(("urllib3", "aiohttp", "httpx", "httpx2", "curl", "node 24", "node 26", "chromium"), BOTH)
of_gzip = whole | dict.fromkeys(("httpx", "httpx2", "chromium"), FIRST) | {"curl": (23, FIRST)}
expected = {
    ("gzip", "together"): of_gzip,
    ("gzip", "apart"): of_gzip,
    ("zstd", "together"): whole | {"node 24": FIRST},
    ("zstd", "apart"): whole | {"httpx": "DecodingError"},
}
assert found == expected, "pieces are read otherwise now: this finding is out of date"
PYTHON
