#!/usr/bin/env bash
# snowballstemmer 3.1.1 (June 2026): other stems than 2.2.0 and the JavaScript port have, and Michael is Michal.
#
# A good guess: a stemmer's algorithm is a published standard of decades ("Porter2", 2001), so an index that was
# written with one release is searched with the next, and a server in Python and a browser in JavaScript agree on
# stems.
# What happens: since 3.0 German takes the version that was called german2: "ae", "oe" and "ue" are taken for umlauts,
# but for "ue" after a vowel or a q. "aktuell" becomes "aktull", which an older index does not have, and names fall
# together that are two: Michael and Michal, Manuel and Manul, Duell and dull. In English "organization", "university"
# and "added" have other stems (3.0), "internal" since this year's 3.1; in Italian and French what follows an
# apostrophe is found now and was not before. Words that were written both ways, as Mueller, are found by either at
# last.
# For users: after an upgrade, old messages with the most ordinary words are found no more and new ones are, and a
# mixed index (server here, browser there) never finds them; asking for Michal shows Michael. Write the stemmer's
# version into the index, build it anew when that changes, and keep names unstemmed beside the stems.
# Source: https://github.com/snowballstem/snowball/blob/master/NEWS (3.0.0: "german"; "english"; 3.1.0);
# https://snowballstem.org/algorithms/german/stemmer.html (the "ue" forms); npm's snowball-stemmers 0.6.0 has the
# algorithms of before.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
npm install --silent --no-fund --no-audit --prefix "$here" snowball-stemmers@0.6.0 >/dev/null
for version in 2.2.0 3.0.1 3.1.1; do
    python3 -m venv "$here/$version"
    "$here/$version/bin/pip" install -q --disable-pip-version-check "snowballstemmer==$version"
done
cat >"$here/words.json" <<'EOF'
{"german": ["aktuell", "zuerst", "Termine",
            "Duell", "dull", "Manuel", "Manul", "Michael", "Michal", "Mueller", "Müller"],
 "english": ["added", "emergency", "internal", "meeting", "organization", "paste", "past", "university", "universe"],
 "french": ["d'accord", "accord"], "italian": ["l'ufficio", "ufficio"]}
EOF
cat >"$here/stem.py" <<'EOF'
import json
import snowballstemmer
words = json.load(open("words.json"))
stemmers = {tongue: snowballstemmer.stemmer(tongue) for tongue in words}
print(json.dumps({tongue: [stemmers[tongue].stemWord(each.lower()) for each in words[tongue]] for tongue in words}))
EOF
cat >"$here/stem.cjs" <<'EOF'
const { newStemmer } = require("snowball-stemmers");
const words = require("./words.json");
const stems = {};
for (const [tongue, each] of Object.entries(words))
  stems[tongue] = each.map((word) => newStemmer(tongue).stem(word.toLowerCase()));
console.log(JSON.stringify(stems));
EOF
cd "$here"
for version in 2.2.0 3.0.1 3.1.1; do "$version/bin/python" stem.py >"$version.json"; done
node stem.cjs >npm.json
python3 - <<'EOF'
import json
from pathlib import Path

RELEASES = "2.2.0", "3.0.1", "3.1.1"
words, npm, *releases = (json.loads(Path(f"{name}.json").read_text()) for name in ("words", "npm", *RELEASES))
stems = {}
for tongue, asked in words.items():
    for position, word in enumerate(asked):
        stems[word] = *(each[tongue][position] for each in releases), npm[tongue][position]
        print(f"{word:12} 2.2.0 {stems[word][0]}, 3.0.1 {stems[word][1]}, 3.1.1 {stems[word][2]}, npm {stems[word][3]}")


def one(release: int, *words: str) -> bool:
    """Whether these words have one stem in this release."""
    return len({stems[each][release] for each in words}) == 1


before, _, now = range(3)
for word in "aktuell zuerst added emergency internal organization university d'accord l'ufficio".split():
    assert stems[word][before] == stems[word][3] != stems[word][now], f"{word}: this finding is out of date"
for pair in (("Duell", "dull"), ("Manuel", "Manul"), ("Michael", "Michal"), ("Mueller", "Müller")):
    assert one(now, *pair) and not one(before, *pair), pair
for pair in (("paste", "past"), ("university", "universe")):
    assert one(before, *pair) and not one(now, *pair), pair
assert stems["internal"][before] == stems["internal"][1]
assert len(set(stems["meeting"])) == len(set(stems["Termine"])) == 1
EOF
