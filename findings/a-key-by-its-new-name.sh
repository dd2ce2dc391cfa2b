#!/usr/bin/env bash
# Chromium 156, PyJWT 2.15.1, joserfc 1.8.0, jwcrypto 1.6.1: an Ed25519 key exported by a browser has no algorithm.
#
# A good guess: a public key as JWK is `kty`, `crv` and `x`; a key that WebCrypto made in a page, or in a service in Node,
# is read by every JOSE library, as those of RSA and P-256 are, and `EdDSA` is the algorithm of such signatures.
# What happens: for years browsers wrote no `alg` into this key. Now they write "Ed25519", the name of RFC 9864 (October
# 2025), which deprecates "EdDSA". PyJWT knows the old name only. The key alone raises PyJWKError; in a key set it is left
# out without a word as long as another key is usable, so the error is that the set has no such `kid`. joserfc goes
# the other way: with this key it refuses "EdDSA" and signs "Ed25519", which PyJWT then refuses as an algorithm. jwcrypto
# takes both names. WebCrypto imports both.
# For users: devices that register a key, or a sign-in whose server publishes one, are refused from some browser version
# or release of Node on, while keys of before go on. Without `alg` everyone reads the key: take off what is redundant, or
# name it by your own rule, where keys come in; and publish both names while readers differ.
# Source: https://github.com/jpadilla/pyjwt/issues/1190 (July 2026) and /pull/1199 (open); RFC 9864, 2.2 and 4.1;
# https://github.com/oven-sh/bun/pull/32900 (June 2026: who writes it); https://w3c.github.io/webcrypto/#ed25519 (export).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check \
    cryptography==50.0.2 joserfc==1.8.0 jwcrypto==1.6.1 playwright==1.65.2 "pyjwt[crypto]==2.15.1"
cd "$here"
venv/bin/python -W ignore - "$(command -v chromium)" <<'EOP'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from joserfc import jwt as joserfc_jwt
from joserfc.errors import UnsupportedKeyAlgorithmError
from joserfc.jwk import OKPKey
from jwcrypto import jwk, jws
from playwright.sync_api import sync_playwright

MAKE = """async () => {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  return [await crypto.subtle.exportKey("jwk", pair.publicKey), await crypto.subtle.exportKey("jwk", pair.privateKey)];
}"""
IMPORT = """async (key) => (await crypto.subtle.importKey("jwk", key, { name: "Ed25519" }, true, ["verify"])).type"""


class Page(BaseHTTPRequestHandler):
    """A page of its own origin, as WebCrypto asks for a secure one."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"page")

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    public, private = page.evaluate(MAKE)
    imported = [page.evaluate(IMPORT, public | {"alg": name}) for name in ("Ed25519", "EdDSA")]
    print("Chromium", browser.version, "exports alg", public.get("alg"), "and imports both names:", imported)
    browser.close()
outdated = "the names are agreed on now: this finding is out of date"
assert public["alg"] == "Ed25519" and imported == ["public"] * 2, outdated


def by_pyjwt(key):
    try:
        return jwt.PyJWK.from_dict(key).algorithm_name
    except jwt.PyJWKError as error:
        return str(error).split(":")[0]


bare = {name: value for name, value in public.items() if name != "alg"}
of_pyjwt = [by_pyjwt(public), by_pyjwt(public | {"alg": "EdDSA"}), by_pyjwt(bare)]
print("PyJWT:", *of_pyjwt, sep="\n    ")
assert of_pyjwt == ["Unable to find an algorithm for key", "EdDSA", "EdDSA"], outdated
other = json.loads(jwk.JWK.generate(kty="EC", crv="P-256").export_public()) | {"kid": "other"}
keys = jwt.PyJWKSet.from_dict({"keys": [other, public | {"kid": "device"}]})
print("    of a set with 2 keys it keeps", [key.key_id for key in keys.keys])
assert [key.key_id for key in keys.keys] == ["other"], outdated


def by_joserfc(name):
    try:
        return joserfc_jwt.encode({"alg": name}, {"sub": "ann"}, OKPKey.import_key(private), algorithms=[name])
    except UnsupportedKeyAlgorithmError as error:
        return error.description


def by_jwcrypto(name):
    token = jws.JWS(b"{}")
    token.add_signature(jwk.JWK(**private), None, json.dumps({"alg": name}))
    return token.serialize(compact=True)


refused, token = by_joserfc("EdDSA"), by_joserfc("Ed25519")
print("joserfc, EdDSA:", refused, "| Ed25519: a token")
assert "Ed25519" in refused and "key is designed for" in refused and token.count(".") == 2, outdated
try:
    claims = jwt.decode(token, jwt.PyJWK.from_dict(bare), algorithms=["EdDSA", "Ed25519"])
except jwt.InvalidAlgorithmError as error:
    claims = error
print("PyJWT of that token:", repr(claims))
assert isinstance(claims, jwt.InvalidAlgorithmError), outdated
print("jwcrypto signs by both names:", by_jwcrypto("EdDSA").count("."), by_jwcrypto("Ed25519").count("."))
EOP
