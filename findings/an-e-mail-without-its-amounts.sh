#!/usr/bin/env bash
# Chromium 156, `setHTML()` (new this year): what a mail says in <font> or <center> is gone; DOMPurify 3.4.18 keeps it.
#
# A good guess: the browser's own sanitizer does what the library before it did: it takes away what could run, and where
# it does not know an element it takes the element away and leaves the words in it. Whoever replaces DOMPurify by
# `setHTML()` has less code and the same text.
# What happens: the default is a list of what may stay, and whatever is not on it goes with all that is in it. On the
# list are neither the old elements of which HTML mail consists (font, center, tt, nobr, strike, Word's o:p) nor
# details, label, form and img. Of "The price is <font>1,200 euros</font>." there remains "The price is .", a newsletter
# whose table is centred is empty, and no error or report tells of it. Mails of tests, in today's HTML, are whole.
# For users: a mail without its amounts, and nobody sees that something is lacking. Give a Sanitizer of your own:
# `replaceElementWithChildren("font")` for each such name, or `{removeElements: [...]}`, which keeps the unknown ones
# (what can run scripts is taken away by `setHTML` in any case).
# Source: https://wicg.github.io/sanitizer-api/#built-in-safe-default-configuration;
# https://developer.mozilla.org/docs/Web/API/HTML_Sanitizer_API/Default_sanitizer_configuration (March 2026);
# https://github.com/mdn/content/issues/41655 (img, button); https://github.com/cure53/DOMPurify, README (KEEP_CONTENT).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2
npm install --silent --no-fund --no-audit --prefix "$here" dompurify@3.4.18 >/dev/null
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'EOF'
import sys

from playwright.sync_api import sync_playwright

MAILS = {
    "office": "<p>Dear Ann,<o:p></o:p></p><p>The price is <font face=Calibri>1,200 euros</font><o:p> net</o:p>.</p>",
    "newsletter": "<center><table><tr><td>We meet on Thursday.</td></tr></table></center>",
    "notes": "<details><summary>Minutes</summary><p>Ben pays.</p></details>",
    "modern": "<p>The price is <span>1,200 euros</span> <b>net</b>.</p>",
}
SANITIZED = """(mail) => {
  const text = (put) => { const box = document.createElement("div"); put(box); return box.textContent; };
  const old = new Sanitizer();
  for (const name of ["font", "center", "o:p", "details", "summary"]) old.replaceElementWithChildren(name);
  return {
    DOMPurify: text((box) => (box.innerHTML = DOMPurify.sanitize(mail))),
    setHTML: text((box) => box.setHTML(mail)),
    configured: text((box) => box.setHTML(mail, { sanitizer: old })),
    removing: text((box) => box.setHTML(mail, { sanitizer: { removeElements: ["script"] } })),
  };
}"""
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    page = browser.new_page()
    page.add_script_tag(path="node_modules/dompurify/dist/purify.min.js")
    print("chromium", browser.version, "dompurify", page.evaluate("DOMPurify.version"))
    seen = {name: page.evaluate(SANITIZED, mail) for name, mail in MAILS.items()}
    browser.close()
for name, texts in seen.items():
    print(f"{name:10}", texts)
for texts in seen.values():
    assert texts["DOMPurify"] == texts["configured"] == texts["removing"] != ""
lost = {name: texts["setHTML"] for name, texts in seen.items()}
assert lost == {
    "office": "Dear Ann,The price is .",
    "newsletter": "",
    "notes": "",
    "modern": "The price is 1,200 euros net.",
}, "the default keeps other text now: this finding is out of date"
EOF
