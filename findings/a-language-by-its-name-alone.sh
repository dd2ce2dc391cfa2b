#!/usr/bin/env bash
# Chromium 156: Intl supports Azerbaijani, Bosnian, Kazakh, Punjabi, Sindhi and Uzbek, and writes "2026 M12 1".
#
# A good guess: a language that `Intl.DateTimeFormat.supportedLocalesOf` names has the names of its months; one that is
# not named falls back to the page's next choice; and Node, which has all of ICU, shows in tests what a browser shows.
# What happens: Chromium leaves much of ICU's data out. Of Welsh, Basque, Irish, Galician, Armenian, Icelandic, Georgian,
# Khmer, Macedonian, Burmese and Albanian there is nothing but the plural rules, so that their dates are English. Of six
# more it has the languages' names: these count as supported for dates, `resolvedOptions().locale` repeats them, and the
# date is in no language at all, "yesterday" in English. Sorting and lists (Intl.Collator, Intl.ListFormat) know fewer
# still: what one service of Intl supports says nothing of the next.
# For users: a page in Azerbaijani with "2026 M12 1, Tue" between translated sentences, and names of Iceland sorted as
# in English, in the most common browser and in no test under Node. Ask whether a month's long name has
# a digit in it, and bring the data of such languages along (@formatjs) or write dates in digits.
# Source: https://issues.chromium.org/issues/40624456 (Icelandic, open);
# https://github.com/mdn/browser-compat-data/issues/17994 (az, uz); https://github.com/cloudflare/workerd/issues/64
# (2026: the data are left out on purpose, for their size); https://tc39.es/ecma402/#sec-internal-slots (each service
# has its own %AvailableLocales%).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2
npm install --silent --no-fund --no-audit --prefix "$here" node@24.21.0 >/dev/null
cat >"$here/ask.js" <<'EOF'
(() => {
  const asked = "az bs kk pa sd uz cy eu ga gl hy is ka km mk my sq de".split(" ");
  const on = { dateStyle: "full", timeZone: "UTC" };
  const services = ["DateTimeFormat", "RelativeTimeFormat", "Collator", "ListFormat", "PluralRules"];
  return asked.map((language) => ({
    language,
    date: new Intl.DateTimeFormat(language, on).format(Date.UTC(2026, 11, 1)),
    yesterday: new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-1, "day"),
    supported: services.map((each) => Intl[each].supportedLocalesOf(language).length).join(""),
    resolved: new Intl.DateTimeFormat(language).resolvedOptions().locale,
  }));
})();
EOF
echo 'console.log(JSON.stringify(eval(require("node:fs").readFileSync(process.argv[2], "utf8"))))' >"$here/node.cjs"
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'EOF'
import json
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

BY_NAME, NOTHING = ["az", "bs", "kk", "pa", "sd", "uz"], "cy eu ga gl hy is ka km mk my sq".split()
ran = subprocess.run(["node_modules/.bin/node", "node.cjs", "ask.js"], capture_output=True, text=True, check=True)
in_node = {each["language"]: each for each in json.loads(ran.stdout)}
options = {"executable_path": sys.argv[1], "args": ["--no-sandbox"]}
with sync_playwright() as playwright, playwright.chromium.launch(**options) as browser:
    print("Chromium", browser.version)
    page = browser.new_page(locale="en-GB")
    in_chromium = {each["language"]: each for each in page.evaluate(Path("ask.js").read_text())}
print("supported for dates, relative times, sorting, lists, plurals; then a date and yesterday")
for language, here in in_chromium.items():
    there = in_node[language]
    print(language, here["supported"], here["date"], here["yesterday"], "Node:", there["date"], there["yesterday"])
english = "Tuesday, 1 December 2026", "yesterday"
for language in BY_NAME:
    shown = in_chromium[language]
    assert shown["date"] == "2026 M12 1, Tue" and shown["resolved"] == language, f"{language} has data now"
    assert shown["yesterday"] == "yesterday" and shown["supported"].startswith("11")
for language in NOTHING:
    assert (in_chromium[language]["date"], in_chromium[language]["yesterday"]) == english, f"{language} has data now"
    assert in_chromium[language]["supported"] == "00001"
assert in_chromium["de"] == in_node["de"]
assert all(in_node[each]["date"] not in ("2026 M12 1, Tue", english[0]) for each in BY_NAME + NOTHING)
EOF
