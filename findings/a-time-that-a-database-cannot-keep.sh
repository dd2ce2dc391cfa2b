#!/usr/bin/env bash
# Temporal (Chromium 156), temporal-polyfill 1.0.8 (npm): IndexedDB refuses a time, or keeps {} of a polyfilled one.
#
# A good guess: IndexedDB, `postMessage` and `history.pushState` copy a Date as a Date, so they copy the type that
# replaces it.
# What happens: Temporal's objects are not among what browsers can copy; a change of the HTML standard for it has
# waited since 2020. The browser's own raise a DataCloneError in all three, and in `structuredClone`. The polyfill's,
# which the same line of code gives where there is no Temporal, are copied as objects without properties: `put`
# succeeds, and what is read back is `{}`. rfdc 1.4.1 makes `{}` of the browser's own, too; superjson 2.2.7 gives the
# text back and not the object.
# For users: drafts with a time to send them, reminders and calls in a client's store are saved without an error in
# one browser, and without their time, while in another the save fails. Keep `toString()` and the type's name.
# Source: https://github.com/whatwg/html/pull/6284 (open); https://github.com/tc39/proposal-temporal/issues/548;
# https://github.com/fullcalendar/temporal-polyfill/issues/77; https://github.com/davidmarkclements/rfdc (the kinds
# that it copies).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund esbuild@0.28.2 temporal-polyfill@1.0.8 rfdc@1.4.1 superjson@2.2.7
cat >keep.mjs <<'EOF'
import rfdc from "rfdc";
import superjson from "superjson";
import { Temporal as Polyfill } from "temporal-polyfill";

const TEXT = "2026-12-01T09:00:00Z";
const times = { own: own.Instant.from(TEXT), polyfill: Polyfill.Instant.from(TEXT) };
const asked = async (copy, at) => {
  try {
    const { at: copied } = await copy({ at });
    return typeof copied === "string" ? "text" : copied.constructor === Object ? JSON.stringify(copied) : "a time";
  } catch (error) {
    return error.name;
  }
};
const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
const opening = indexedDB.open("drafts");
opening.onupgradeneeded = () => opening.result.createObjectStore("drafts");
const database = await done(opening);
const drafts = () => database.transaction("drafts", "readwrite").objectStore("drafts");
const ways = {
  indexedDB: async (draft) => (await done(drafts().put(draft, "one")), done(drafts().get("one"))),
  structuredClone,
  pushState: (draft) => (history.pushState(draft, ""), history.state),
  rfdc: rfdc(),
  superjson: (draft) => superjson.parse(superjson.stringify(draft)),
};
const found = [];
for (const [name, way] of Object.entries(ways))
  found.push([name, await asked(way, times.own), await asked(way, times.polyfill)].join(" "));
document.body.append(found.join("; "));
EOF
npx esbuild keep.mjs --bundle --format=esm --outfile=keep.js --log-level=error
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check playwright==1.65.2
venv/bin/python - "$(command -v chromium)" <<'EOF'
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

# the polyfill exports the browser's own where there is one, so it is hidden from it
HIDE = "<script>window.own = Temporal; delete window.Temporal;</script>"
PAGE = f'<meta charset="utf-8"><body>{HIDE}<script type="module" src="keep.js"></script>'
WANTED = {
    "indexedDB": "DataCloneError {}",
    "structuredClone": "DataCloneError {}",
    "pushState": "DataCloneError {}",
    "rfdc": "{} {}",
    "superjson": "text text",
}
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    page = browser.new_page()
    page.route("http://localhost/", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    script = Path("keep.js").read_text()
    page.route("**/keep.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
    page.goto("http://localhost/")
    page.wait_for_function("document.body.textContent.includes('superjson ')")
    told = page.evaluate("document.body.lastChild.textContent")
    found = dict(each.split(" ", 1) for each in told.split("; "))
    print("Chromium", browser.version)
    browser.close()
print("way: of the browser's own, of the polyfill's")
for way, kept in found.items():
    print(f"{way}: {kept}")
assert found == WANTED
EOF
