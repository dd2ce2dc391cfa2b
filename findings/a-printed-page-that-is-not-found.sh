#!/usr/bin/env bash
# Chromium 156 "Save as PDF", read by pypdf 7.1.0, pdfminer.six 20260107, pypdfium2 5.15.2, PyMuPDF 2.0, unpdf 1.8.1.
#
# A good guess: a page that a browser printed has its text in it, as every viewer can mark and copy it; a reader that is
# right about English is right about the rest of Unicode, as PDF says what each glyph means.
# What happens: Chromium draws some signs as two glyphs, or two signs as one glyph, and writes what they mean beside
# them (ActualText); Hebrew it draws from the left. Each of the five readers loses another part of that. The word for
# "Wednesday" in a Hebrew page comes backwards from pdfminer, and from pdfium with each letter on a line of its own. Of
# an Arabic page pypdf, pdfminer and unpdf make NUL characters and presentation forms, PyMuPDF puts blanks into its
# words; of Hindi and Thai, vowels that stand before or above are NUL, or have blanks and line ends around them in
# pdfium. All find the English word, none finds all of the five, and none raises or warns.
# For users: an agenda in Arabic or Hindi that people read well is not found, is summarised from fragments, and brings
# NUL into a database that refuses it (PostgreSQL). Take a text with NUL for none, and ask two readers: pdfium for
# Arabic, PyMuPDF for the rest.
# Source: ISO 32000-2, 14.9.4 (replacement text) and 14.8.2.5.3 (ReversedChars);
# https://github.com/firecrawl/anydoc/issues/58 and https://github.com/firecrawl/pdf-inspector/issues/212 (August 2026,
# Chrome's PDFs in other readers); https://github.com/pdfminer/pdfminer.six/issues/515 (open since 2020).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check \
    playwright==1.65.2 pypdf==7.1.0 pdfminer.six==20260107 pypdfium2==5.15.2 pymupdf==2.0
font=@fontsource/noto-sans
npm install --silent --no-fund --no-audit --prefix "$here" unpdf@1.8.1 \
    $font@5.3.0 $font-hebrew@5.3.0 $font-arabic@5.3.0 $font-devanagari@5.3.0 $font-thai@5.3.0 >/dev/null
cat >"$here/read.mjs" <<'EOF'
import { readFileSync } from "node:fs";
import { extractText, getDocumentProxy } from "unpdf";
const texts = {};
for (const tongue of process.argv.slice(2)) {
  const pdf = await getDocumentProxy(new Uint8Array(readFileSync(`${tongue}.pdf`)));
  texts[tongue] = (await extractText(pdf, { mergePages: true })).text;
}
console.log(JSON.stringify(texts));
EOF
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'EOF'
import json
import logging
import subprocess
import sys
from pathlib import Path

import pymupdf
import pypdf
import pypdfium2
from pdfminer.high_level import extract_text
from playwright.sync_api import sync_playwright

logging.disable()
PAGES = {
    "English": ("", "ltr", "The meeting was moved to Wednesday.", "Wednesday"),
    "Hebrew": ("hebrew", "rtl", "שלום, הפגישה נדחתה ליום רביעי", "רביעי"),
    "Arabic": ("arabic", "rtl", "تأجل الاجتماع إلى يوم الأربعاء", "الاجتماع"),
    "Hindi": ("devanagari", "ltr", "किराया और बैठक शुक्रवार को", "किराया"),
    "Thai": ("thai", "ltr", "ขอเลื่อนประชุมเป็นวันพุธ", "เลื่อน"),
}
READERS = {
    "pypdf": lambda name: pypdf.PdfReader(name).pages[0].extract_text(),
    "pdfminer": extract_text,
    "pdfium": lambda name: pypdfium2.PdfDocument(name)[0].get_textpage().get_text_range(),
    "PyMuPDF": lambda name: pymupdf.open(name)[0].get_text(),
}
FOUND = {  # the word stands in the text
    "pypdf": {"English", "Hebrew"},
    "pdfminer": {"English"},
    "pdfium": {"English", "Arabic"},
    "PyMuPDF": {"English", "Hebrew", "Hindi", "Thai"},
    "unpdf": {"English", "Hebrew"},
}
WITH_NUL = {"pypdf", "pdfminer", "unpdf"}  # in Arabic, Hindi and Thai
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=sys.argv[1], args=["--no-sandbox", "--allow-file-access-from-files"]
    )
    print("chromium", browser.version)
    for name, (script, direction, text, _) in PAGES.items():
        folder = Path(f"node_modules/@fontsource/noto-sans{script and '-' + script}").resolve()
        style = (folder / "400.css").read_text().replace("./files/", f"{folder.as_uri()}/files/")
        family = style.split("font-family:")[1].split(";")[0]
        page = browser.new_page()
        Path(f"{name}.html").write_text(
            f"<!doctype html><meta charset=utf-8><style>{style}</style>"
            f'<p dir="{direction}" style="font-family: {family.strip().replace(chr(34), chr(39))}">{text}</p>'
        )
        page.goto(Path(f"{name}.html").resolve().as_uri())
        page.evaluate("document.fonts.ready")
        assert page.evaluate("[...document.fonts].some((font) => font.status === 'loaded')"), "no font"
        page.pdf(path=f"{name}.pdf")
        page.close()
    browser.close()
texts = {reader: {name: read(f"{name}.pdf") for name in PAGES} for reader, read in READERS.items()}
listed = subprocess.run(["node", "read.mjs", *PAGES], capture_output=True, check=True)
texts["unpdf"] = json.loads(listed.stdout)
for reader, pages in texts.items():
    found = {name for name, text in pages.items() if PAGES[name][3] in text}
    print(f"{reader:8} finds {', '.join(sorted(found))}; in Hindi: {pages['Hindi'].strip()!r}")
    outdated = f"{reader} finds other words: this finding is out of date"
    assert found == FOUND[reader], outdated
    for name in ("Arabic", "Hindi", "Thai"):
        assert ("\0" in pages[name]) == (reader in WITH_NUL), outdated
assert "יעיבר" in texts["pdfminer"]["Hebrew"]
assert "י\r\nע\r\nי\r\nב\r\nר" in texts["pdfium"]["Hebrew"]
EOF
