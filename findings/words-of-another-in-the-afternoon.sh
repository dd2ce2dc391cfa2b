#!/usr/bin/env bash
# whatstk 0.9.1 (October 2026), whatsapp-chat-parser 4.0.2: in Taiwan's exports Ben's evening is Ann's, or a morning.
#
# A good guess: a reader of WhatsApp's exports that finds out the form of dates by itself reads the file, or says that
# it cannot ("Header automatic extraction failed"). Where am and pm are understood, in English and Spanish, a clock of
# twelve hours is.
# What happens: the clock's half of the day is a word of the telephone's language, and stands before the time in Chinese
# and Japanese. whatstk makes a fixed part of the form out of "上午", the word of the first line: lines of the afternoon
# are no messages and become further lines of the last message before them. What Ben wrote at six minutes past nine in
# the evening is part of what Ann said in the morning. whatsapp-chat-parser skips the word and has nine in the evening
# at nine in the morning; where the word stands behind the time, as in Vietnamese and Greek, it is part of the name.
# Files of the same countries with a clock of 24 hours are read rightly by both.
# For users: an imported conversation in which people say what others said, or with half of its messages twelve hours
# early and so between those of the morning. Compare the number of messages with the lines that begin with a date, and
# refuse a file with letters between date and author that are not known.
# Source: https://github.com/lucasrodes/whatstk/issues/140 (2023, "am"; mended for English) and whatstk/whatsapp/
# auto_header.py; https://github.com/Pustur/whatsapp-chat-parser, src/parser.ts (`\D*?` before the time);
# https://github.com/ChatLab/ChatLab/pull/281 (July 2026: the words of three languages in exports).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check whatstk==0.9.1
npm install --silent --no-fund --no-audit --prefix "$here" whatsapp-chat-parser@4.0.2 >/dev/null
cat >"$here/read.mjs" <<'EOF'
import { readFileSync } from "node:fs";
import { parseString } from "whatsapp-chat-parser";
const read = {};
for (const name of process.argv.slice(2)) {
  const messages = parseString(readFileSync(name, "utf8"));
  read[name] = messages.map(({ author, date, message }) => [author, date.getHours(), message]);
}
console.log(JSON.stringify(read));
EOF
cd "$here"
venv/bin/python - <<'EOF'
import json
import subprocess
import warnings
from importlib.metadata import version

warnings.filterwarnings("ignore")  # pandas, on the form of dates
from whatstk import df_from_whatsapp  # noqa: E402

EXPORTS = {
    "24 hours": ("30.11.26, 09:05 - Ann: first", "30.11.26, 21:06 - Ben: second"),
    "English": ("11/30/26, 9:05\u202fAM - Ann: first", "11/30/26, 9:06\u202fPM - Ben: second"),
    "Taiwan": ("2026/11/30 上午9:05 - Ann: first", "2026/11/30 下午9:06 - Ben: second"),
    "Japan": ("2026/11/30 午前9:05 - Ann: first", "2026/11/30 午後9:06 - Ben: second"),
    "Vietnam": ("30/11/26, 9:05 SA - Ann: first", "30/11/26, 9:06 CH - Ben: second"),
}
RIGHT = [["Ann", 9, "first"], ["Ben", 21, "second"]]
python = {}
for name, lines in EXPORTS.items():
    with open(name, "w") as file:
        file.write("\n".join(lines))
    table = df_from_whatsapp(name)[["username", "date", "message"]]
    python[name] = [[author, date.hour, message] for author, date, message in table.values.tolist()]
npm = json.loads(subprocess.run(["node", "read.mjs", *EXPORTS], capture_output=True, check=True).stdout)
print("whatstk", version("whatstk"))
for name, (_, evening) in EXPORTS.items():
    print(f"{name:9} whatstk {python[name]}, npm {npm[name]}")
    if name in ("24 hours", "English"):
        assert python[name] == npm[name] == RIGHT
        continue
    outdated = "the words of the day's halves are known now: this finding is out of date"
    assert python[name] == [["Ann", 9, f"first\n{evening}"]], outdated
    ben = "CH - Ben" if name == "Vietnam" else "Ben"
    assert npm[name][1] == [ben, 9, "second"], outdated
EOF
