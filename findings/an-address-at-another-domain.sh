#!/usr/bin/env bash
# Chromium 156: of "ann@faß.example" an email field makes "ann@fass.example"; a link to faß.example is another domain.
#
# A good guess: `<input type="email">` hands over what was typed; or, as HTML allows, the domain in ASCII, converted as
# the browser converts the host of a link, so that both name one domain.
# What happens: `value`, and so a submitted form, has the domain in ASCII, converted by the older, transitional rules of
# UTS #46: "ß" becomes "ss", a final sigma a usual one, joiners of Sinhala and Persian go. Links are converted without
# these, and so each of the four is another domain, which may have another owner. idna 3.20 (Python) agrees with links,
# Python's own codec "idna" with the field. Other names, as "müller.example", are the same in all.
# For users: letters for them, with links to set a password, go to another domain; and whoever signs in by a field of
# type "text" has an address that nobody has registered. Take an address by a field of the type "text" with
# inputmode="email", and its domain by `new URL("https://" + domain).hostname`.
# Source: https://html.spec.whatwg.org/multipage/input.html#email-state-(type=email) (the browser may convert);
# https://url.spec.whatwg.org/#idna (not transitional); https://www.unicode.org/reports/tr46/#Deviations;
# https://github.com/dotnet/aspnetcore/issues/9107 (the conversion itself surprises).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2 idna==3.20
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'EOF'
import sys
from importlib.metadata import version

import idna
from playwright.sync_api import sync_playwright

OTHERS = ["faß.example", "βόλος.example", "ශ්\u200dරී.example", "نامه\u200cای.example"]
SAME = ["müller.example", "例え.example"]
READ = """(domain) => {
  const [field] = document.forms[0].elements;
  const sent = new FormData(document.forms[0]).get("email");
  return [field.value, sent, field.validity.valid, new URL("https://" + domain).hostname];
}"""
options = {"executable_path": sys.argv[1], "args": ["--no-sandbox"]}
with sync_playwright() as playwright, playwright.chromium.launch(**options) as browser:
    print("Chromium", browser.version, "idna", version("idna"))
    page = browser.new_page()
    for domain in OTHERS + SAME:
        page.set_content('<form><input type="email" name="email"></form>')
        page.locator("input").focus()
        page.keyboard.insert_text(f"ann@{domain}")
        value, sent, valid, link = page.evaluate(READ, domain)
        field = value.removeprefix("ann@")
        print(f"{domain}: field {field}, link {link}")
        assert value == sent and valid
        assert link == idna.encode(domain, uts46=True).decode()
        assert field == domain.encode("idna").decode(), "fields convert otherwise now: this finding is out of date"
        assert (field == link) == (domain in SAME), "fields and links agree now: this finding is out of date"
EOF
