#!/usr/bin/env bash
# @tanstack/react-query 5.108.4, botocore 1.44.8, Chromium 156: who comes back to the window sees the film begin again.
#
# A good guess: the address of a file is asked for once and again when it is old (`staleTime` below the address's life).
# The answer is about the same file, equal answers keep their identity ("structural sharing"), React changes only what
# has changed, and a player that plays is left alone.
# What happens: by default a query that is old is asked again when the window is visible again. A signed address has its
# second in it, so it is another one each time; React sets `src`, and a media element with another `src` drops what it
# has and begins at 0: minute 40 of a film, after a look at another tab. With pictures, which is what one tries it with,
# nothing is seen, and within the address's life neither. A second thing: two addresses of one second are equal, so asking
# for another at once, as after an error, changes nothing and the element stays in its error.
# For users: a long film or talk cannot be followed beside another tab. Give the player its first address
# and another only when it reports MEDIA_ERR_NETWORK, then set `currentTime`; or `refetchOnWindowFocus: false` there.
# Source: https://tanstack.com/query/latest/docs/framework/react/guides/window-focus-refetching; HTML, media element load
# algorithm ("if the src attribute is set or changed"); AWS Signature 4 (X-Amz-Date, seconds);
# https://github.com/opencloud-eu/web/pull/3340 (September 2026: the other half, addresses that end under a film).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check botocore==1.44.8 playwright==1.65.2
npm install --silent --no-fund --no-audit --prefix "$here" @tanstack/react-query@5.108.4 esbuild@0.28.2 react@19.3.1 \
    react-dom@19.3.1 >/dev/null
cd "$here"
cat >page.jsx <<'EOJ'
import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
const refetchOnWindowFocus = location.search !== "?kept";
function Film() {
  const { data } = useQuery({
    queryKey: ["address"],
    staleTime: 4 * 60_000,
    ...(refetchOnWindowFocus ? {} : { refetchOnWindowFocus }),
    queryFn: async () => (await fetch("/address")).json(),
  });
  return data ? <audio controls src={data.url} /> : null;
}
createRoot(document.getElementById("root")).render(
  <QueryClientProvider client={new QueryClient()}>
    <Film />
  </QueryClientProvider>,
);
EOJ
node_modules/.bin/esbuild page.jsx --bundle --jsx=automatic --define:process.env.NODE_ENV='"production"' \
    --log-level=error --outfile=page.js
venv/bin/python - "$(command -v chromium)" <<'EOP'
import io
import json
import re
import sys
import threading
import time
import wave
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import botocore.session
from playwright.sync_api import sync_playwright

RATE, SECONDS = 8_000, 600
sound = io.BytesIO()
with wave.open(sound, "wb") as file:
    file.setparams((1, 1, RATE, 0, "NONE", ""))
    file.writeframes(bytes([128]) * RATE * SECONDS)
TALK = sound.getvalue()
COME_BACK = """() => {
  const now = Date.now;
  Date.now = () => now() + 5 * 60_000;
  window.dispatchEvent(new Event("visibilitychange"));
}"""
AT = "() => document.querySelector('audio').currentTime"


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/films/"):
            found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "bytes=0-"))
            first, last = int(found[1]), int(found[2] or len(TALK) - 1)
            named = {"Content-Range": f"bytes {first}-{last}/{len(TALK)}", "Content-Type": "audio/wav"}
            self._answer(206, TALK[first : last + 1], named)
        elif self.path == "/address":
            self._answer(200, json.dumps({"url": signed()}).encode(), {"Content-Type": "application/json"})
        elif self.path == "/page.js":
            self._answer(200, Path("page.js").read_bytes(), {"Content-Type": "text/javascript"})
        else:
            page = b"<!doctype html><div id=root></div><script src=/page.js></script>"
            self._answer(200, page, {"Content-Type": "text/html"})

    def _answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            pass  # the browser has enough

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
storage = botocore.session.Session().create_client(
    "s3", "eu-central-1", endpoint_url=base, aws_access_key_id="id", aws_secret_access_key="key",
    config=botocore.config.Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
)


def signed():
    return storage.generate_presigned_url("get_object", {"Bucket": "films", "Key": "talk.wav"}, ExpiresIn=300)


while time.time() % 1 > 0.5:
    time.sleep(0.05)
assert signed() == signed(), "two addresses of one second differ: this finding is out of date"
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    print("Chromium", browser.version)
    for query in ("", "?kept"):
        page = browser.new_page()
        page.goto(f"{base}/{query}")
        player = page.locator("audio")
        player.evaluate("player => { player.currentTime = 400; }")
        page.wait_for_timeout(1_500)
        before, first = page.evaluate(AT), player.get_attribute("src")
        page.evaluate(COME_BACK)
        page.wait_for_timeout(1_500)
        after, second = page.evaluate(AT), player.get_attribute("src")
        print(f"{query or 'by default'}: second {before:.0f}, back at the window {after:.0f}, same src {first == second}")
        begins_again = after == 0 and first != second
        assert before == 400 and begins_again == (query == ""), "the player is left alone: this finding is out of date"
    browser.close()
EOP
