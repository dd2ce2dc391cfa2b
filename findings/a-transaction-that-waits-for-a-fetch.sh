#!/usr/bin/env bash
# fake-indexeddb 6.2.8 on Node 20 against Chromium 156: a transaction outlives a fetch in one, encryption in the other.
#
# A good guess: in an IndexedDB transaction nothing but its own requests may be awaited, or it has ended by the next one.
# fake-indexeddb passes much of the web platform's tests, so a test with it finds such a mistake as a browser does.
# What happens: each is the other's opposite. In Chromium the transaction has ended after a fetch, even of a data:
# address, after `blob.arrayBuffer()` and after a MessageChannel's message; it goes on after `digest` and `encrypt` of
# 16 MB, whose promises are fulfilled when they are given out. fake-indexeddb ends its transactions by setImmediate, after
# Node has run what is due: fetch, blob and message come before that, so the write behind them succeeds, each time. Node
# hashes and encrypts in other threads: after 16 MB the transaction has ended nearly always, after some KB half the time.
# For users: "read, ask the server, write" is green in the test and loses the write in every browser; "read, seal, write"
# fails in the test, most times, and works in Chromium, by no promise of any standard. Await what is not
# IndexedDB before the transaction begins, and try transactions in a browser.
# Source: https://w3c.github.io/IndexedDB/#transaction-lifecycle; https://github.com/dumbmatter/fakeIndexedDB/pull/70 and
# its README ("Quality"); fake-indexeddb, build/esm/lib/scheduling.js; https://github.com/dexie/Dexie.js/issues/317.
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2
npm install --silent --no-fund --no-audit --prefix "$here" fake-indexeddb@6.2.8 >/dev/null
cat >"$here/await.js" <<'EOJ'
// counts for each kind of waiting how many of ten transactions took a write after it
async function writesAfterWaiting() {
  const database = await new Promise((resolve) => {
    const opening = indexedDB.open("drafts", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("texts");
    opening.onsuccess = () => resolve(opening.result);
  });
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
  const iv = new Uint8Array(12);
  const waiting = {
    "fetch of a data: address": () => fetch("data:,words"),
    "bytes of a blob": () => new Blob(["words"]).arrayBuffer(),
    "message of a channel": () =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => (port1.close(), resolve());
        port2.postMessage(1);
      }),
    "digest of 16 MB": () => crypto.subtle.digest("SHA-256", new Uint8Array(2 ** 24)),
    "encrypt of 16 MB": () => crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, new Uint8Array(2 ** 24)),
  };
  const taken = {};
  for (const [name, wait] of Object.entries(waiting)) {
    taken[name] = 0;
    for (let round = 0; round < 10; round += 1) {
      const transaction = database.transaction("texts", "readwrite");
      const ended = new Promise((resolve) => (transaction.oncomplete = resolve));
      const store = transaction.objectStore("texts");
      store.get("draft");
      await wait();
      try {
        store.put("changed", "draft");
        await ended;
        taken[name] += 1;
      } catch (error) {
        if (error.name !== "TransactionInactiveError") throw error;
      }
      await ended;
    }
  }
  database.close();
  return taken;
}
EOJ
(echo 'import "fake-indexeddb/auto";'; cat "$here/await.js"; echo 'console.log(JSON.stringify(await writesAfterWaiting()));') \
    >"$here/node.mjs"
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'EOP'
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright


class Page(BaseHTTPRequestHandler):
    """A page of its own origin, as IndexedDB asks for one."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<body>page")

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
in_node = json.loads(subprocess.check_output(["node", "node.mjs"]))
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    in_browser = page.evaluate(f"async () => {{ {Path('await.js').read_text()} return writesAfterWaiting(); }}")
    print("Chromium", browser.version, subprocess.check_output(["node", "--version"], text=True))
    browser.close()
for name in in_node:
    print(f"after {name}: of 10 writes fake-indexeddb takes {in_node[name]}, Chromium {in_browser[name]}")
outdated = "they agree now: this finding is out of date"
assert list(in_node.values())[:3] == [10] * 3 and max(list(in_node.values())[3:]) <= 5, outdated
assert list(in_browser.values()) == [0, 0, 0, 10, 10], outdated
EOP
