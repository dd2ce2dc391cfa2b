#!/usr/bin/env bash
# Chromium 156: `crypto.subtle.encrypt` and `digest` do their work before they return the promise, on the same thread.
#
# A good guess: WebCrypto answers by promises since its work is done elsewhere ("in parallel", says the specification;
# a pool of threads, says Chromium's own description), so a page that encrypts 64 MB scrolls and rings meanwhile.
# What happens: the call comes back when all is done, with a promise that is fulfilled already. A message that was
# posted before the call is delivered after the result. PBKDF2 alone still goes elsewhere.
# A second effect: an IndexedDB transaction stays active over `await crypto.subtle.encrypt(...)`, which the rules of
# IndexedDB do not promise, so code that is wrong anywhere else, and over PBKDF2 here as well, passes its tests here.
# For users: sealing a large attachment freezes the window, the buttons of a call with it, for as long as this prints
# for 64 MB. Encrypt and hash files in a worker, or in pieces with pauses between, and open a transaction after the
# cryptography.
# Source: https://www.w3.org/TR/webcrypto/#SubtleCrypto-method-encrypt ("perform the remaining steps in parallel");
# https://chromium.googlesource.com/chromium/src/+/main/components/webcrypto/README.md ("Threading");
# https://www.w3.org/TR/IndexedDB/#transaction-construct (when a transaction is active).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2
cat >"$here/index.html" <<'EOF'
<!doctype html><title>chat</title>
<script>
const settled = (request) => new Promise((done, failed) => {
  request.onsuccess = () => done(request.result);
  request.onerror = () => failed(request.error);
});
async function look() {
  const opening = indexedDB.open("chat", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("files");
  const database = await settled(opening);
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
  const password = await crypto.subtle.importKey("raw", new Uint8Array(16), "PBKDF2", false, ["deriveBits"]);
  const file = new Uint8Array(64 * 2 ** 20);
  const salted = { name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(16), iterations: 100_000 };
  const works = {
    encrypt: () => crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, file),
    digest: () => crypto.subtle.digest("SHA-256", file),
    PBKDF2: () => crypto.subtle.deriveBits(salted, password, 256),
  };
  const seen = {};
  for (const [name, work] of Object.entries(works)) {
    const { port1, port2 } = new MessageChannel();
    let delivered = false;
    port1.onmessage = () => { delivered = true; };
    port2.postMessage("ring");
    const began = performance.now();
    const promise = work();
    const returned = performance.now();
    await promise;
    const done = performance.now();
    const ringsFirst = delivered;
    const files = database.transaction("files", "readwrite").objectStore("files");
    await settled(files.put(1, "a"));
    await work();
    let active = true;
    try {
      files.put(2, "a");
    } catch (error) {
      if (error.name !== "TransactionInactiveError") throw error;
      active = false;
    }
    seen[name] = { callMs: Math.round(returned - began), allMs: Math.round(done - began), ringsFirst, active };
  }
  return seen;
}
</script>
EOF
"$here/venv/bin/python" - "$here" "$(command -v chromium)" <<'EOF'
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
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[2], args=["--no-sandbox"])
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
    seen = page.evaluate("look()")
    print("chromium", browser.version)
    browser.close()
for name, each in seen.items():
    print(f"{name:8} call {each['callMs']} ms of {each['allMs']}, ", end="")
    print(f"message before the result: {each['ringsFirst']}, transaction active after: {each['active']}")
for name in ("encrypt", "digest"):
    assert not seen[name]["ringsFirst"] and seen[name]["active"], "it works elsewhere now: this finding is out of date"
    assert seen[name]["callMs"] >= 0.9 * seen[name]["allMs"] > 0
assert seen["PBKDF2"]["ringsFirst"] and not seen["PBKDF2"]["active"]
EOF
