#!/usr/bin/env bash
# rfc8785 0.1.4 (PyPI): its own canonical JSON, parsed and canonicalised again, is refused, as are numbers of RFC 8785.
#
# A good guess: canonicalising twice is canonicalising once, which is what a signature needs: one side canonicalises and
# sends, the other parses what it got, canonicalises and compares, be it JavaScript on one side and Python on the other.
# What happens: JSON has one kind of number and Python two. The float 1e20 is written 100000000000000000000, as the RFC
# says. `json.loads` makes an int of that, and ints above 2^53 - 1 raise IntegerDomainError, though the text names a
# double exactly. Three numbers of the RFC's own table of samples (appendix B) are refused in that way. `canonicalize`
# (npm) takes all and changes none; `jcs` 0.2.1 (PyPI) does too.
# For users: times in nanoseconds or sizes in bytes, signed by a browser, cannot be checked, and the error is no
# InvalidSignature but a ValueError where nobody looks for one. Parse with `json.loads(text, parse_int=float)` before.
# Source: https://www.rfc-editor.org/rfc/rfc8785#appendix-B and section 3.2.2.3 (numbers as ECMAScript writes them);
# https://trailofbits.github.io/rfc8785.py (IntegerDomainError);
# https://docs.python.org/3/library/json.html (parse_int).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check rfc8785==0.1.4 jcs==0.2.1
npm install --silent --no-fund --no-audit --prefix "$here" canonicalize@4.0.0 >/dev/null
cat >"$here/twice.mjs" <<'EOF'
import { readFileSync } from "node:fs";
import canonicalize from "canonicalize";
for (const each of JSON.parse(readFileSync(0, "utf8"))) {
  const once = canonicalize(JSON.parse(each));
  if (once !== canonicalize(JSON.parse(once))) throw new Error(once);
  console.log(once);
}
EOF
cd "$here"
venv/bin/python - <<'EOF'
import json
import subprocess
from importlib.metadata import version

import jcs
import rfc8785

# the first three are samples of RFC 8785, appendix B
GIVEN = ["9007199254740994.0", "999999999999999700000.0", "295147905179352830000.0", "1e20", "1e21", "4.50"]
script = subprocess.run(["node", "twice.mjs"], input=json.dumps(GIVEN), capture_output=True, text=True, check=True)
refused = []
for given, of_node in zip(GIVEN, script.stdout.split(), strict=True):
    once = rfc8785.dumps(json.loads(given))
    assert once.decode() == of_node == jcs.canonicalize(json.loads(once)).decode()
    assert rfc8785.dumps(json.loads(once, parse_int=float)) == once
    try:
        again = rfc8785.dumps(json.loads(once)).decode()
    except rfc8785.IntegerDomainError as error:
        again = type(error).__name__
        refused.append(given)
    print(f"{given:>24} is {of_node:>22}, and that is {again}")
print("rfc8785", version("rfc8785"), "jcs", version("jcs"))
assert refused == GIVEN[:4], "it reads what it wrote now: this finding is out of date"
EOF
