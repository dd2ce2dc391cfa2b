#!/usr/bin/env bash
# Chromium 156: a page that was left keeps its WebSocket in the back/forward cache, where it answers pings and hears nothing.
#
# A good guess: leaving a page ends its sockets. Until this year an open WebSocket kept a page out of the cache; since
# Chromium 149 the page is kept, and the announcement says that its sockets are closed on entry. So the server learns
# within a moment that the person has gone, and a page that comes back finds its socket closed.
# What happens: for the server nothing ends. The connection stays open while the page is away (for 90 s as well), each
# ping is answered, each frame is taken, and none of them reaches the page. When the person comes back the page is shown
# (`pageshow`, persisted) with readyState OPEN, what it sends then still arrives, and only after that come `error` and
# `close` (1006) to the page and 1001 to the server. The frames that were taken are lost.
# For users: somebody who followed a link in a message counts as online and as reached, and neither pings nor write
# errors tell otherwise. Close the socket in `pagehide`: the server sees 1000 at once, and the page is still kept. And
# trust no readyState in `pageshow`: open a new socket and ask for what was missed.
# Source: https://chromestatus.com/feature/5068439115923456 and https://github.com/mdn/content/pull/45031 ("disconnected
# upon the page entering the cache"); https://github.com/whatwg/html/issues/12085 and pull request 12349;
# https://web.dev/articles/bfcache#close-open-connections.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check websockets==17.4
chromium --version
"$here/venv/bin/python" - "$(command -v chromium)" "$here" <<'EOF'
import json
import subprocess
import sys
import threading
import time
from http import HTTPStatus
from urllib.parse import unquote

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

AWAY_S = 6
ROOM = """<!doctype html><script>
const seen = [], socket = new WebSocket(`ws://${location.host}/socket`);
for (const type of ["message", "error", "close"])
  socket.addEventListener(type, (event) => seen.push(type + " " + (event.data || event.code || "")));
if (location.pathname === "/closing") addEventListener("pagehide", () => socket.close(1000));
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  seen.push("shown again, readyState " + socket.readyState);
  if (socket.readyState === WebSocket.OPEN) socket.send("back");
  setTimeout(() => fetch("/report?" + encodeURIComponent(JSON.stringify(seen))), 1000);
});
socket.addEventListener("message", () => (location.href = "/elsewhere"), { once: true });
</script>"""
ELSEWHERE = f"<!doctype html><script>setTimeout(() => history.back(), {AWAY_S * 1000})</script>"
server_saw, page_saw = [], []
away, reported = threading.Event(), threading.Event()


def answer_to(connection, request):
    if request.path == "/socket":
        return None
    if request.path.startswith("/report"):
        page_saw.extend(json.loads(unquote(request.path.partition("?")[2])))
        reported.set()
    if request.path == "/elsewhere":
        away.set()
    answer = connection.respond(HTTPStatus.OK, ELSEWHERE if request.path == "/elsewhere" else ROOM)
    del answer.headers["Content-Type"]  # text/plain
    answer.headers["Content-Type"] = "text/html"
    return answer


def talk(connection):
    try:
        connection.send("welcome")
        away.wait()
        until, pongs, frames = time.monotonic() + AWAY_S - 3, 0, 0
        try:
            while time.monotonic() < until:
                time.sleep(0.5)
                pongs += connection.ping().wait(2)
                connection.send("for nobody")
                frames += 1
        finally:
            server_saw.append(f"{'some' if pongs else 'no'} pongs, {'some' if frames else 'no'} frames taken while away")
        for text in connection:
            server_saw.append(f"got {text!r}")
    except ConnectionClosed:
        pass
    server_saw.append(f"closed {connection.close_code}")


def visit(path):
    for each in (server_saw, page_saw, away, reported):
        each.clear()
    with serve(talk, "127.0.0.1", 0, process_request=answer_to, ping_interval=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.socket.getsockname()[1]}{path}"
        options = ["--headless=new", "--no-sandbox", "--no-first-run", f"--user-data-dir={sys.argv[2]}{path}"]
        browser = subprocess.Popen(
            [sys.argv[1], *options, "--remote-debugging-port=0", url],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert reported.wait(60), "the page was not shown again out of the cache"
        browser.terminate()
        browser.wait()
    print(path, "| server:", *server_saw, sep="; ")
    print(path, "| page:", *page_saw, sep="; ")
    return server_saw, page_saw


OUT_OF_DATE = "the socket ends with the page's stay now: this finding is out of date"
assert visit("/left") == (
    ["some pongs, some frames taken while away", "got 'back'", "closed 1001"],
    ["message welcome", "shown again, readyState 1", "error ", "close 1006"],
), OUT_OF_DATE
server, page = visit("/closing")
assert server == ["no pongs, no frames taken while away", "closed 1000"]
assert "close 1000" in page and {"shown again, readyState 2", "shown again, readyState 3"} & {*page}, page
EOF
