#!/usr/bin/env bash
# httpx2 2.16.2, httpx 0.28.1, Chromium 156: of an answer in two gzip members they give the first, without an error.
#
# A good guess: a gzip file may have several members, one after another (RFC 1952), as `cat a.gz b.gz`, bgzip, log
# shippers and servers that compress piece by piece write it; `gunzip` and Python's `gzip.decompress` give all of it. So
# does a client that knows `Content-Encoding: gzip`, or at least it says that it cannot.
# What happens: there are three answers to one body. aiohttp, requests and Node's fetch give all of it, libcurl ends
# with an error, httpx and its successor as well as a page in Chromium hand over the first member as if it was all. A
# stream of Chromium's DecompressionStream gives the first member and then a TypeError. Of zstd, which has frames in
# the same way, httpx, httpx2 and Chromium read all, and `decompress` of python-zstandard the first, without a word.
# For users: an export or a log that was right in the test, since a small one is a single member, is cut in production,
# with status 200 and the right Content-Length. A CSV or NDJSON cut between two lines is well-formed, so whoever reads
# it sees nothing. Write one member, or let the last line say that it is the last, or ask for `identity`.
# Source: RFC 1952, 2.2; RFC 9110, 8.4.1.3; https://github.com/curl/curl/issues/22156 and /pull/22172 (June 2026: an
# error it is to be); https://github.com/encode/httpx/pull/3270 (closed); https://github.com/oven-sh/bun/pull/33708
# (July 2026: mended there); https://compression.spec.whatwg.org/#supported-formats (a single member);
# https://python-zstandard.readthedocs.io/en/latest/decompressor.html (`read_across_frames`, `allow_extra_data`).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check aiohttp==3.14.5 backports.zstd==1.8.0 httpx==0.28.1 \
    httpx2==2.16.2 playwright==1.65.2 pycurl==7.49.0 requests==2.34.2 urllib3==2.8.0 zstandard==0.25.0
npm install --silent --no-fund --no-audit --prefix "$here" undici@7.30.2 >/dev/null
cat >"$here/read.mjs" <<'EOJ'
import { fetch } from "undici";
console.log(await (await fetch(process.argv[2])).text());
EOJ
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'EOP'
import asyncio
import gzip
import io
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import httpx
import httpx2
import pycurl
import requests
import zstandard
from backports import zstd
from playwright.sync_api import sync_playwright

FIRST, SECOND = '{"line":1}\n', '{"line":2}\n'
WHOLE, HALF = FIRST + SECOND, FIRST
BODIES = {
    "/gzip": gzip.compress(FIRST.encode()) + gzip.compress(SECOND.encode()),
    "/zstd": zstd.compress(FIRST.encode()) + zstd.compress(SECOND.encode()),
}


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        body = BODIES.get(self.path, b"page")
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        if self.path in BODIES:
            self.send_header("Content-Encoding", self.path[1:])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


async def by_aiohttp(address):
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        return await answer.text()


def by_curl(address):
    handle, answer = pycurl.Curl(), io.BytesIO()
    handle.setopt(pycurl.URL, address)
    handle.setopt(pycurl.ACCEPT_ENCODING, "gzip")
    handle.setopt(pycurl.WRITEDATA, answer)
    try:
        handle.perform()
    except pycurl.error as error:
        return str(error.args[1])
    return answer.getvalue().decode()


IN_PAGE = "async (path) => await (await fetch(path)).text()"
STREAM = """async (bytes) => {
  const reader = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  let text = "";
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += new TextDecoder().decode(part.value);
    }
    return [text, null];
  } catch (error) {
    return [text, error.name];
  }
}"""
server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
clients = {
    "aiohttp": lambda address: asyncio.run(by_aiohttp(address)),
    "requests": lambda address: requests.get(address).text,
    "undici": lambda address: subprocess.check_output(["node", "read.mjs", address], text=True)[:-1],
    "httpx": lambda address: httpx.get(address).text,
    "httpx2": lambda address: httpx2.get(address).text,
    "libcurl": by_curl,
}
seen = {name: read(f"{base}/gzip") for name, read in clients.items()}
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    page = browser.new_page()
    page.goto(base)
    seen[f"Chromium {browser.version}"] = page.evaluate(IN_PAGE, "/gzip")
    zstd_in_page = page.evaluate(IN_PAGE, "/zstd")
    streamed = page.evaluate(STREAM, list(BODIES["/gzip"]))
    browser.close()
for name, text in seen.items():
    print(f"{name:24} {json.dumps(text)}")
print(f"{'DecompressionStream':24} {json.dumps(streamed)}")
outdated = "members are read by others now: this finding is out of date"
assert list(seen.values()) == [WHOLE] * 3 + [HALF] * 2 + ["Multi-member gzip response not supported", HALF], outdated
assert streamed == [HALF, "TypeError"], outdated
one_frame = zstandard.ZstdDecompressor().decompress(BODIES["/zstd"]).decode()
print(f"two frames of zstd: Chromium {json.dumps(zstd_in_page)}, python-zstandard {json.dumps(one_frame)}")
assert zstd_in_page == zstd.decompress(BODIES["/zstd"]).decode() == WHOLE and one_frame == HALF, outdated
assert httpx.get(f"{base}/zstd").text == httpx2.get(f"{base}/zstd").text == WHOLE, outdated
EOP
