#!/usr/bin/env bash
# zstandard 0.25.0, Node 24.21.0 with Chromium 156: compressed at level 20 a short answer is refused, if it was streamed.
#
# A good guess: a higher level costs the sender's time and nothing else, as with gzip and Brotli: what is compressed
# once and served often gets the highest one. Browsers keep to a window of 8 MB at most, which is for large files.
# What happens: above level 19 a compressor that is not told the length beforehand writes down the window of its level,
# 32 MB at 20 and 128 MB at 22, be the text four kilobytes long. Chromium ends such an answer with
# ERR_ZSTD_WINDOW_SIZE_TOO_BIG, before it has read a byte of it. The same text at the same level from one call
# (`compress`, `zstdCompressSync`) has a window of its own length and is read, up to 8 MB; one of 9 MB is refused,
# while level 19 streams it. curl, urllib3 and Node read all of them, so no check of a server sees it.
# For users: a blank page, or a list that does not load, in browsers alone; streamed exports first, and others on the
# day when they outgrow 8 MB. Keep to level 19 for HTTP, or set the window (`window_log=23`, ZSTD_c_windowLog).
# Source: https://www.rfc-editor.org/rfc/rfc9659 (8 MB at most for Content-Encoding);
# https://github.com/nonzzz/vite-plugin-compression/issues/93 and
# https://github.com/myguard-labs/nginx-zstd-module/pull/101 (2026: pages that went blank by it).
set -euo pipefail
for needed in chromium curl; do
    command -v "$needed" >/dev/null || { echo "needs Debian's packages chromium and curl" >&2; exit 2; }
done
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check zstandard==0.25.0 urllib3==2.8.0 backports.zstd==1.8.0 \
    playwright==1.65.2
npm install --silent --no-fund --no-audit --prefix "$here" node@24.21.0 >/dev/null
cat >"$here/write.mjs" <<'EOM'
import { buffer } from "node:stream/consumers";
import { constants, createZstdCompress, zstdCompressSync } from "node:zlib";
const text = await buffer(process.stdin);
const params = { [constants.ZSTD_c_compressionLevel]: 20 };
const stream = createZstdCompress({ params });
const whole = process.argv[2] === "whole";
if (!whole) for (let at = 0; at < text.length; at += 1000) stream.write(text.subarray(at, at + 1000));
stream.end();
process.stdout.write(whole ? zstdCompressSync(text, { params }) : await buffer(stream));
EOM
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'PYTHON'
import io
import random
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3
import zstandard
from playwright.sync_api import sync_playwright

MB = 1 << 20
NODE = "node_modules/.bin/node"
FETCH = "fetch('{}').then((got) => got.arrayBuffer()).then((body) => console.log(body.byteLength))"
chance = random.Random(1)
LONG = "".join(f'{{"n": {n}, "at": {chance.random()}}}\n' for n in range(270_000)).encode()[: 9 * MB]
SHORT = LONG[:4_000]


def whole(level, text):
    return zstandard.ZstdCompressor(level=level).compress(text)


def streamed(level, text, **more):
    written = io.BytesIO()
    options = zstandard.ZstdCompressionParameters.from_level(level, **more)
    with zstandard.ZstdCompressor(compression_params=options).stream_writer(written, closefd=False) as writer:
        writer.write(text)
    return written.getvalue()


def by_node(how, text):
    return subprocess.run([NODE, "--no-warnings", "write.mjs", how], input=text, capture_output=True, check=True).stdout


ANSWERS = {
    "/short/19/streamed": streamed(19, SHORT),
    "/short/20/streamed": streamed(20, SHORT),
    "/short/22/streamed": streamed(22, SHORT),
    "/short/22/bounded": streamed(22, SHORT, window_log=23),
    "/short/20/node-streamed": by_node("streamed", SHORT),
    "/short/20/node-whole": by_node("whole", SHORT),
    "/short/22/whole": whole(22, SHORT),
    "/7MB/20/whole": whole(20, LONG[: 7 * MB]),
    "/9MB/20/whole": whole(20, LONG),
    "/9MB/19/streamed": streamed(19, LONG),
}


class Compressed(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = ANSWERS.get(self.path, b"")
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        if body:
            self.send_header("Content-Encoding", "zstd")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            pass  # the browser has hung up

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Compressed)
server.handle_error = lambda *_: None
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
refused, read_by_others = {}, set()
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    print("chromium", browser.version, "zstandard", zstandard.__version__, "with zstd", zstandard.ZSTD_VERSION)
    page = browser.new_page()
    page.goto(base)
    failures = []
    page.on("requestfailed", lambda request: failures.append(request.failure))
    for path, body in ANSWERS.items():
        read = "url => fetch(url).then((got) => got.arrayBuffer()).then((body) => body.byteLength, () => null)"
        length = page.evaluate(read, base + path)
        curl = subprocess.run(["curl", "-s", "--compressed", base + path], capture_output=True, check=True)
        node = subprocess.run([NODE, "-e", FETCH.format(base + path)], capture_output=True, text=True, check=True)
        others = {len(urllib3.request("GET", base + path).data), len(curl.stdout), int(node.stdout)}
        window = zstandard.get_frame_parameters(body).window_size
        print(f"{path}: window {window / MB:.3f} MB, browser {length or failures[-1]}, others {others}")
        assert length in (None, *others)
        assert len(others) == 1
        if length is None:
            refused[path] = (failures[-1], window // MB)
    browser.close()
TOO_BIG = "net::ERR_ZSTD_WINDOW_SIZE_TOO_BIG"
assert refused == {
    "/short/20/streamed": (TOO_BIG, 32),
    "/short/22/streamed": (TOO_BIG, 128),
    "/short/20/node-streamed": (TOO_BIG, 32),
    "/9MB/20/whole": (TOO_BIG, 9),
}, "others are refused now: this finding is out of date"
PYTHON
