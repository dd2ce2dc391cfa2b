#!/usr/bin/env bash
# Node 24.21.0, Chromium 156, cryptography 50.0.2: a post-quantum key that Node 24 has passed on is refused by its maker.
#
# A good guess: PKCS#8 is the one form of private keys that everybody reads. All three have ML-KEM and ML-DSA, write
# and read each other's public keys, and Node reads the private keys of the other two.
# What happens: RFC 9935 and RFC 9881 let a private key be a seed, the expanded key, or both. Chromium (BoringSSL) and
# cryptography write seeds and refuse the others; Node 24 (OpenSSL 3.5) writes both from `KeyObject.export`, whatever
# it has read: the 86 bytes of an ML-KEM-768 key that was made in the browser come back as 2,498, which Chromium
# answers by DataError and cryptography by ValueError. `crypto.subtle.exportKey` of the same Node writes 86 for the
# same key. Node 26.10.0 writes 86 by both, so the keys that Node 24 has stored are what stays.
# For users: a device's key that went through a backup or a key service cannot be brought home, which is found out on
# the day when it is needed. Store seeds ("raw-seed", JWK), or take the seed out of the stored form by OpenSSL 3.5 or
# Node.
# Source: https://github.com/nodejs/node/pull/62178 (2026, Node 26);
# https://github.com/WICG/webcrypto-modern-algos/pull/34 and /pull/22; https://www.rfc-editor.org/rfc/rfc9935 and
# https://www.rfc-editor.org/rfc/rfc9881.
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 playwright==1.65.2
for version in 24.21.0 26.10.0; do
    npm install --silent --no-fund --no-audit --prefix "$here/$version" "node@$version" >/dev/null
done
cat >"$here/pass.mjs" <<'EOM'
import { createPrivateKey } from "node:crypto";
const [, , name, given] = process.argv;
const key = createPrivateKey({ key: Buffer.from(given, "base64"), type: "pkcs8", format: "der" });
const ours = name.startsWith("ML-KEM") ? ["decapsulateBits"] : ["sign"];
const other = await crypto.subtle.importKey("pkcs8", Buffer.from(given, "base64"), name, true, ours);
const written = [key.export({ type: "pkcs8", format: "der" }), Buffer.from(await crypto.subtle.exportKey("pkcs8", other))];
console.log(JSON.stringify(written.map((each) => each.toString("base64"))));
EOM
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'PYTHON'
import base64
import json
import subprocess
import sys

import cryptography
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from playwright.sync_api import Error, sync_playwright

MAKE = """async (name) => {
  const uses = name.startsWith("ML-KEM") ? ["encapsulateBits", "decapsulateBits"] : ["sign", "verify"];
  const pair = await crypto.subtle.generateKey(name, true, uses);
  return new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey)).toBase64();
}"""
READ = """([name, key]) => crypto.subtle.importKey("pkcs8", Uint8Array.fromBase64(key), name, true,
  [name.startsWith("ML-KEM") ? "decapsulateBits" : "sign"]).then(() => "read")"""


def passed_on(node, name, key):
    """The key as written by `KeyObject.export` and by `crypto.subtle.exportKey`."""
    command = [f"{node}/node_modules/.bin/node", "--no-warnings", "pass.mjs", name, key]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def in_browser(page, name, key):
    try:
        return page.evaluate(READ, [name, key])
    except Error as error:
        return "DataError" if "DataError" in str(error) else str(error)


def in_python(key):
    try:
        read = load_der_private_key(base64.b64decode(key), None)
    except ValueError:
        return "ValueError"
    return "read" if read.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) else ""


def size(key):
    return len(base64.b64decode(key))


found = {}
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    print("chromium", browser.version, "cryptography", cryptography.__version__)
    page = browser.new_page()
    page.route("https://keys.example/", lambda route: route.fulfill(body="<p>", content_type="text/html"))
    page.goto("https://keys.example/")
    for name in ("ML-KEM-768", "ML-DSA-65"):
        made = page.evaluate(MAKE, name)
        found[name, "as made"] = (size(made), in_browser(page, name, made), in_python(made))
        for node in ("24.21.0", "26.10.0"):
            for how, key in zip(("export", "subtle"), passed_on(node, name, made), strict=True):
                found[name, node, how] = (size(key), in_browser(page, name, key), in_python(key))
    browser.close()
for key, each in found.items():
    print(*key, "bytes, browser, Python:", *each)
for name, seed, both in (("ML-KEM-768", 86, 2498), ("ML-DSA-65", 54, 4098)):
    kept = (seed, "read", "read")
    assert found[name, "as made"] == found[name, "24.21.0", "subtle"] == kept
    assert found[name, "26.10.0", "export"] == found[name, "26.10.0", "subtle"] == kept
    assert found[name, "24.21.0", "export"] == (both, "DataError", "ValueError"), "this finding is out of date"
PYTHON
