#!/usr/bin/env bash
# httpx2 2.16.2 (and httpx 0.28.1): `iter_lines()` ends a line inside of a JSON text, where a chat has a line separator.
#
# A good guess: a stream with one JSON document on each line (NDJSON; answers of models, exports of chats) is read by
# `for line in response.iter_lines(): json.loads(line)`. JSON writes a line break inside of a text as "\n", so each line
# is whole.
# What happens: lines end as `str.splitlines` has them, also at U+2028 (what iPhones' messages have for Enter), U+2029
# and U+0085. JSON lets them stand in a text as they are, and JavaScript's JSON.stringify writes them so, as does Python
# with `ensure_ascii=False`. A message of three lines comes as three lines, none of which is JSON. httpx2 knows better:
# its reader of server-sent events splits at CR and LF alone. Node's readline, aiohttp and `iter_lines()` of requests
# read four lines for four messages, requests with `decode_unicode=True` seven.
# For users: an import or a streamed answer that ends with JSONDecodeError at one message of thousands, or leaves it out
# where errors are skipped. Split bytes at b"\n" (`iter_bytes`), or let the writer escape all but ASCII.
# Source: https://github.com/NousResearch/hermes-agent/pull/111345 (2026: messages of iPhones were lost by it);
# https://github.com/encode/httpx/pull/2423 (why it is so); httpx2, _decoders.py and _sse.py;
# https://www.rfc-editor.org/rfc/rfc8259#section-7; https://tc39.es/ecma262/#sec-quotejsonstring.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check httpx2==2.16.2 httpx==0.28.1 requests==2.34.2 \
    aiohttp==3.14.5
cat >"$here/write.mjs" <<'EOF'
const texts = ["first", "Agenda:\u2028one\u2028two", "soup\u0085salad", "last"];
process.stdout.write(texts.map((text, n) => JSON.stringify({ n, text }) + "\n").join(""));
EOF
cat >"$here/read.mjs" <<'EOF'
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
const lines = [];
for await (const line of createInterface({ input: createReadStream("messages.ndjson") })) lines.push(JSON.parse(line));
console.log("Node's readline", lines.length);
EOF
cd "$here"
node write.mjs >messages.ndjson
node read.mjs | tee readline
venv/bin/python - <<'EOF'
import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import aiohttp
import httpx
import httpx2
import requests

BODY = Path("messages.ndjson").read_bytes()


class Messages(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson; charset=utf-8")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


def streamed(client, url):
    with client.stream("GET", url) as response:
        return [*response.iter_lines()]


async def by_aiohttp(url):
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return [line async for line in response.content]


def whole(lines):
    """How many of the lines are JSON."""
    good = 0
    for line in lines:
        try:
            good += isinstance(json.loads(line), dict)
        except ValueError:
            pass
    return good


server = ThreadingHTTPServer(("127.0.0.1", 0), Messages)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
read = {
    f"httpx2 {httpx2.__version__}": streamed(httpx2, url),
    f"httpx {httpx.__version__}": streamed(httpx, url),
    "requests, decode_unicode": [*requests.get(url, stream=True).iter_lines(decode_unicode=True)],
    f"requests {requests.__version__}": [*requests.get(url, stream=True).iter_lines()],
    f"aiohttp {aiohttp.__version__}": asyncio.run(by_aiohttp(url)),
}
for name, lines in read.items():
    print(f"{name}: {len(lines)} lines of 4 messages, {whole(lines)} of them JSON")
found = [(len(lines), whole(lines)) for lines in read.values()]
assert found == [(7, 2), (7, 2), (7, 2), (4, 4), (4, 4)], "lines end otherwise now: this finding is out of date"
assert Path("readline").read_text() == "Node's readline 4\n"
EOF
