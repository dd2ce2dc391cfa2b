#!/usr/bin/env bash
# Chromium 156: to a service worker a window's url is the one that it was opened at, wherever its page has gone since.
#
# A good guess: `clients.matchAll()` tells where each window is now, so that a click on a notification can bring to the
# front the window that shows this conversation, and no notification is shown to who has it before their eyes.
# What happens: after a change of the hash, after pushState and after replaceState `WindowClient.url` is still that of
# the load, while location.href has moved on. In an app of one page a comparison with it is right until the person goes
# anywhere. Older Chromiums did follow the hash (issue 1515 tells it of 83), so code that worked stopped to.
# For users: a window that shows another conversation counts as the right one, and the right one is opened a second
# time. Ask the pages by postMessage where they are.
# Source: https://w3c.github.io/ServiceWorker/#client-url (creation URL);
# https://github.com/w3c/ServiceWorker/issues/1515; https://github.com/mdn/content/pull/43844 (2026).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2
mkdir "$here/site"
echo '<!doctype html><title>chat</title>' >"$here/site/index.html"
cat >"$here/site/worker.js" <<'EOF'
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("message", async (event) => {
  const windows = await clients.matchAll({ type: "window" });
  event.source.postMessage(windows.map((each) => new URL(each.url)).map((url) => url.pathname + url.hash));
});
EOF
"$here/venv/bin/python" - "$here/site" "$(command -v chromium)" <<'EOF'
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import sync_playwright


class Site(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=sys.argv[1]))
threading.Thread(target=server.serve_forever, daemon=True).start()
CONTROL = """() => new Promise((ready) => {
  navigator.serviceWorker.addEventListener("controllerchange", ready);
  navigator.serviceWorker.register("worker.js");
})"""
ASK = """() => new Promise((tell) => {
  navigator.serviceWorker.onmessage = (event) => tell([location.pathname + location.hash, ...event.data]);
  navigator.serviceWorker.controller.postMessage("where?");
})"""
MOVES = ("location.hash = '#/rooms/1'", "history.pushState(0, '', '/rooms/2')", "history.replaceState(0, '', '/rooms/3')")
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[2], args=["--no-sandbox"])
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
    page.evaluate(CONTROL)
    seen = [page.evaluate(ASK)]
    for move in MOVES:
        page.evaluate(f"() => {{ {move} }}")
        seen.append(page.evaluate(ASK))
    version = browser.version
    browser.close()
print("chromium", version)
for at, told in seen:
    print(f"page is at {at:<24} worker is told {told}")
assert [at for at, _ in seen] == ["/index.html", "/index.html#/rooms/1", "/rooms/2", "/rooms/3"]
assert {told for _, told in seen} == {"/index.html"}, "the url follows the page now: this finding is out of date"
EOF
