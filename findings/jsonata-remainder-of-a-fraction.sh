#!/usr/bin/env bash
# jsonata-python 0.7.1 (PyPI) against jsonata 2.2.2 (npm, the reference): `5.5 % 2` is 1 and 1.5.
#
# A good guess: a port of JSONata computes the same numbers as the reference, so a state machine with JSONata expressions
# can be tried on a local cloud written in Python.
# What happens: the port makes the remainder a whole number: its fraction is lost without an error, and `7.25 % 0.5` is
# 0. `$string` writes 123456789012345680000 as 1.23456789012346e+20. Where one would look for differences, in division,
# rounding to even and negative remainders, there are none. In `$base64encode` it is the reference that surprises: in
# Node it codes "ü" as one byte of Latin-1, the port as UTF-8.
# For users: a delay, a backoff or a share of a quota that is computed in a workflow differs between the local cloud
# (MiniStack 1.5.33 evaluates JSONata by this port) and the service.
# Source: https://docs.jsonata.org/numeric-operators ("% (Modulo)"), https://docs.jsonata.org/string-functions;
# https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check jsonata-python==0.7.1
npm install --silent --no-fund --no-audit --prefix "$here" jsonata@2.2.2 >/dev/null
cat >"$here/asked.json" <<'EOF'
["5.5 % 2", "7.25 % 0.5", "-10 % 3", "1 / 3", "$round(2.5)", "$string(123456789012345680000)", "$base64encode(\"ü\")"]
EOF
cat >"$here/reference.mjs" <<'EOF'
import fs from "node:fs";
import jsonata from "jsonata";
const asked = JSON.parse(fs.readFileSync("asked.json", "utf8"));
console.log(JSON.stringify(await Promise.all(asked.map((each) => jsonata(each).evaluate({})))));
EOF
cd "$here"
reference=$(node reference.mjs) venv/bin/python - <<'EOF'
import json
import os
from importlib.metadata import version

import jsonata

asked = json.load(open("asked.json", encoding="utf-8"))
of_port = [jsonata.Jsonata(each).evaluate({}) for each in asked]
differ = {}
for expression, theirs, ours in zip(asked, json.loads(os.environ["reference"]), of_port, strict=True):
    print(f"{expression:36} reference {theirs!r:26} port {ours!r}")
    if theirs != ours:
        differ[expression] = (theirs, ours)
print("jsonata-python", version("jsonata-python"))
assert differ.pop("5.5 % 2") == (1.5, 1)
assert list(differ) == ["7.25 % 0.5", "$string(123456789012345680000)", '$base64encode("ü")'], differ
EOF
