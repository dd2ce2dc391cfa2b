#!/usr/bin/env bash
# Chromium 156, regex 2026.11.19, uniseg 0.10.1, grapheme 0.6.0, graphemer 1.4.0: one, two or three letters, by age.
#
# A good guess: a limit or an initial counted in graphemes, what a reader takes for a letter, is the same on both
# sides of a connection: only code points and UTF-16 differ.
# What happens: since Unicode 15.1 (2023) consonants that are joined by a virama are one grapheme, in Devanagari,
# Bengali, Gujarati, Malayalam, Oriya and Telugu, and with Unicode 17 Khmer followed. `Intl.Segmenter` of Chromium and
# Python's `regex` have all of it. uniseg and pyuegc 16.0.3 know the first six scripts, grapheme 0.6.0 and graphemer
# 1.4.0 (and grapheme-splitter 1.0.4, which it came from) none. So "women" in Malayalam, സ്ത്രീ, is one grapheme or
# three, श्री one or two, and the Khmer name ស្រី is one in the browser and two to libraries that were right until
# last year.
# For users: a name of eight letters that the client counts is refused by the server's limit of ten, and an initial
# cut out by one library is a bare consonant with a visible virama, which is no letter of that name. Cut and count on
# one side only, or by code points, which no release changes.
# Source: https://www.unicode.org/reports/tr29/#GB9c (and its modifications); https://github.com/w3c/ilreq/issues/43;
# https://www.unicode.org/Public/17.0.0/ucd/DerivedCoreProperties.txt (InCB); https://github.com/flmnt/graphemer
# (Unicode 15.0).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check regex==2026.11.19 uniseg==0.10.1 pyuegc==16.0.3 grapheme==0.6.0
npm init -y >/dev/null
npm install --silent --no-audit --no-fund graphemer@1.4.0 grapheme-splitter@1.0.4
cat >page.html <<'EOF'
<meta charset="utf-8">
<body><script>
const count = (word) => [...new Intl.Segmenter("en").segment(word)].length;
document.body.textContent = JSON.stringify(["സ്ത്രീ", "श्री", "ស្រី"].map(count));
</script>
EOF
chromium --version
chromium --headless=new --no-sandbox --disable-gpu --user-data-dir="$here/profile" --dump-dom "file://$here/page.html" \
    2>/dev/null | grep -o '\[.*\]' >browser.json
cat >count.mjs <<'EOF'
import graphemer from "graphemer";
import Splitter from "grapheme-splitter";

const counters = [new (graphemer.default ?? graphemer)(), new Splitter()];
console.log(JSON.stringify(counters.map((each) => ["സ്ത്രീ", "श्री", "ស្រី"].map((word) => each.countGraphemes(word)))));
EOF
node count.mjs >node.json
venv/bin/python - <<'EOF'
import json

import grapheme
import regex
from pyuegc import EGC
from uniseg.graphemecluster import grapheme_clusters

WORDS = ("സ്ത്രീ", "श्री", "ស្រី")
by_graphemer, by_splitter = json.load(open("node.json"))
counted = {
    "Chromium": json.load(open("browser.json")),
    "regex": [len(regex.findall(r"\X", word)) for word in WORDS],
    "uniseg": [len(list(grapheme_clusters(word))) for word in WORDS],
    "pyuegc": [len(EGC(word)) for word in WORDS],
    "grapheme": [grapheme.length(word) for word in WORDS],
    "graphemer": by_graphemer,
    "grapheme-splitter": by_splitter,
}
for name, counts in counted.items():
    print(f"{name:18}", *counts)
assert counted["Chromium"] == counted["regex"] == [1, 1, 1]
assert counted["uniseg"] == counted["pyuegc"] == [1, 1, 2]
assert counted["grapheme"] == counted["graphemer"] == counted["grapheme-splitter"] == [3, 2, 2]
EOF
