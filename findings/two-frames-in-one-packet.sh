#!/usr/bin/env bash
# Node 24.21.0 (zstd): of two frames that come in one packet it reads the first; httpx 0.28.1 fails if they come in two.
#
# A good guess: a zstd file may have many frames one after another (RFC 8878), as `cat a.zst b.zst`, pzstd and servers
# write them that compress what they have, send it, and go on. Whoever reads two of them reads them however they
# arrive, as TCP has no packets for a program.
# What happens: Node 24's zlib ends with the first frame that leaves something over in the same write: its `fetch` has
# 18,000 bytes of 27,000, with status 200 and no error, and so have `createZstdDecompress` and `zstdDecompressSync` of
# the whole body; with a pause between the frames it has them all. httpx errs the other way: all from one packet, after
# a pause DecodingError ("cannot use a decompressobj multiple times"). Node 26.10.0, urllib3, aiohttp, httpx2 2.16.2,
# curl and Chromium 156 are right in both. (Of gzip members others have the first alone:
# an-answer-that-ends-in-the-middle.)
# For users: an export or a list that ends early on a quick network and is whole on a slow one, so it cannot be
# repeated where somebody looks for it. Send an answer as one frame: flush the compressor, and end it once.
# Source: https://github.com/nodejs/node/issues/64741 and /pull/64748 (2026, open);
# https://www.rfc-editor.org/rfc/rfc8878#section-3.1; https://nodejs.org/docs/latest-v24.x/api/zlib.html (zstd).
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
FRAMES = [zstandard.ZstdCompressor().compress(piece) for piece in PIECES]
FETCH = "fetch('{}').then((got) => got.arrayBuffer()).then((body) => console.log(body.byteLength))"
AT_ONCE = "console.log(require('node:zlib').zstdDecompressSync(Buffer.from('{}', 'hex')).length)"


class Frames(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = {"/together": [b"".join(FRAMES)], "/apart": FRAMES}.get(self.path, [])
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        if body:
            self.send_header("Content-Encoding", "zstd")
        self.send_header("Content-Length", str(sum(map(len, body))))
        self.end_headers()
        for part in body:
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
    except client.DecodingError as error:
        return f"DecodingError: {error}"


def by_node(version, script):
    command = [f"{version}/node_modules/.bin/node", "--no-warnings", "-e", script]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def by_curl(url):
    return len(subprocess.run(["curl", "-s", "--compressed", url], capture_output=True, check=True).stdout)


server = ThreadingHTTPServer(("127.0.0.1", 0), Frames)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
found = {}
for how in ("together", "apart"):
    url = f"{base}/{how}"
    found[how] = {
        "urllib3": len(urllib3.request("GET", url).data),
        "aiohttp": asyncio.run(by_aiohttp(url)),
        "httpx": by(httpx, url),
        "httpx2": by(httpx2, url),
        "curl": by_curl(url),
        "node 24": by_node("24.21.0", FETCH.format(url)),
        "node 26": by_node("26.10.0", FETCH.format(url)),
    }
whole = b"".join(FRAMES).hex()
at_once = {version: by_node(version, AT_ONCE.format(whole)) for version in ("24.21.0", "26.10.0")}
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    print("chromium", browser.version, "httpx", httpx.__version__, "httpx2", httpx2.__version__)
    page = browser.new_page()
    page.goto(base)
    for how, lengths in found.items():
        read = "url => fetch(url).then((got) => got.arrayBuffer()).then((body) => body.byteLength)"
        lengths["chromium"] = page.evaluate(read, f"{base}/{how}")
    browser.close()
for how, lengths in found.items():
    print(how, lengths)
print("zstdDecompressSync", at_once)
both = dict.fromkeys(found["together"], BOTH)
fails = "DecodingError: cannot use a decompressobj multiple times"
assert found["together"] == both | {"node 24": FIRST}, "this finding is out of date"
assert found["apart"] == both | {"httpx": fails}, "this finding is out of date"
assert at_once == {"24.21.0": FIRST, "26.10.0": BOTH}
PYTHON
