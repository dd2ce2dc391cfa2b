#!/usr/bin/env bash
# PyJWT 2.15.1 with Chromium 156 or Node: an Ed25519 key as WebCrypto exports it is no key, and is left out of its set.
#
# A good guess: `crypto.subtle.exportKey("jwk", …)` of an Ed25519 key can be published in a JWK set and be read by
# PyJWT, which has Ed25519 since years ("EdDSA", RFC 8037); a key that it cannot read raises.
# What happens: browsers and Node write `"alg": "Ed25519"` into such a key, the name of RFC 9864 of last year, which
# deprecates "EdDSA". PyJWT knows the old name alone: the key by itself raises PyJWKError, and in a set it is passed over
# without a word, so that the set has one key less, and a token signed with it names a key "not found". Without its `alg`
# the same key is good; tokens that say Ed25519 (jose 6.2.17 writes both) are refused even then. joserfc 1.8.0 reads the
# exported key and refuses tokens of the old name with it; Authlib 1.9.6 takes the old name with either; jwcrypto 1.6.1
# alone takes all four combinations. A set of one key raises, which a test of one key sees, and a rotation does not.
# For users: after a rotation to Ed25519 everybody who signs in again is refused, and those with older tokens are not.
# Write `alg` into the published key yourself, by what the tokens say, and look a new key up by a reader before use.
# Source: https://github.com/jpadilla/pyjwt/issues/1190 (2026, open); https://www.rfc-editor.org/rfc/rfc9864#section-2.2;
# https://w3c.github.io/webcrypto/#ed25519-operations-export-key.
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check PyJWT==2.15.1 cryptography==50.0.2 joserfc==1.8.0 \
    authlib==1.9.6 jwcrypto==1.6.1 playwright==1.65.2
npm install --silent --no-fund --no-audit --prefix "$here" jose@6.2.17 node@24.21.0 >/dev/null
cat >"$here/sign.mjs" <<'EOM'
import { importJWK, SignJWT } from "jose";
const key = await importJWK(JSON.parse(process.argv[2]), "Ed25519");
const sign = (alg) => new SignJWT({ sub: "ann" }).setProtectedHeader({ alg, kid: "new" }).sign(key);
const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
const exported = await crypto.subtle.exportKey("jwk", pair.publicKey);
console.log(JSON.stringify({ node: exported.alg, tokens: { Ed25519: await sign("Ed25519"), EdDSA: await sign("EdDSA") } }));
EOM
cd "$here"
venv/bin/python -W ignore - "$(command -v chromium)" <<'PYTHON'
import json
import subprocess
import sys

import joserfc.jwk
import joserfc.jwt
import jwcrypto.jwk
import jwcrypto.jwt
import jwt
from authlib.jose import JsonWebToken
from cryptography.hazmat.primitives.asymmetric import rsa
from playwright.sync_api import sync_playwright

NAMES = ["Ed25519", "EdDSA"]
EXPORT = """async () => {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  return Promise.all([pair.publicKey, pair.privateKey].map((key) => crypto.subtle.exportKey("jwk", key)));
}"""
READERS = {
    "PyJWT": lambda token, key: jwt.decode(token, jwt.PyJWK(key), algorithms=NAMES),
    "joserfc": lambda token, key: joserfc.jwt.decode(token, joserfc.jwk.OKPKey.import_key(key), algorithms=NAMES).claims,
    "Authlib": lambda token, key: dict(JsonWebToken(NAMES).decode(token, key)),
    "jwcrypto": lambda token, key: json.loads(jwcrypto.jwt.JWT(jwt=token, key=jwcrypto.jwk.JWK(**key), algs=NAMES).claims),
}


def outcome(reader, token, key):
    try:
        return reader(token, key)["sub"]
    except Exception as error:
        return type(error).__name__


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    page = browser.new_page()
    page.route("https://keys.example/", lambda route: route.fulfill(body="<p>", content_type="text/html"))
    page.goto("https://keys.example/")
    public, private = page.evaluate(EXPORT)
    print("chromium", browser.version, "exports alg", public["alg"])
    browser.close()
signer = ["node_modules/.bin/node", "sign.mjs", json.dumps(private)]
signed = json.loads(subprocess.run(signer, capture_output=True, text=True, check=True).stdout)
assert public["alg"] == signed["node"] == "Ed25519"
exported = public | {"kid": "new"}
keys = {"as exported": exported, "without alg": {name: each for name, each in exported.items() if name != "alg"}}
found = {
    (reader, which, name): outcome(read, signed["tokens"][name], key)
    for reader, read in READERS.items()
    for which, key in keys.items()
    for name in NAMES
}
for key, each in found.items():
    print(*key, "→", each)
earlier = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key()))
earlier |= {"kid": "earlier", "alg": "RS256"}
in_set = [key.key_id for key in jwt.PyJWKSet.from_dict({"keys": [earlier, exported]}).keys]
print("a set of two has for PyJWT", jwt.__version__, in_set)
assert in_set == ["earlier"], "PyJWT reads the key now: this finding is out of date"
wrong = {key: each for key, each in found.items() if each != "ann"}
assert wrong == {
    ("PyJWT", "as exported", "Ed25519"): "PyJWKError",
    ("PyJWT", "as exported", "EdDSA"): "PyJWKError",
    ("PyJWT", "without alg", "Ed25519"): "InvalidAlgorithmError",
    ("joserfc", "as exported", "EdDSA"): "UnsupportedKeyAlgorithmError",
    ("Authlib", "as exported", "Ed25519"): "UnsupportedAlgorithmError",
    ("Authlib", "without alg", "Ed25519"): "UnsupportedAlgorithmError",
}, "others read it now: this finding is out of date"
PYTHON
