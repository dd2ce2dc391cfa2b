#!/usr/bin/env bash
# pypdf 7.1.0, pdfminer.six 20260107, pypdfium2 5.15.2, unpdf 1.8.1: the text of a filled form is that of an empty one.
#
# A good guess: what a PDF shows in every viewer is in its text, or the text is empty, as of a scan, so that one sees
# that something is wrong. And a preview shows what the viewer shows.
# What happens: answers in a form's fields stand in annotations on the page. `extract_text` and its like read the page
# alone: all questions come, and no answer. pypdfium2 draws it so too: `render`, whose `may_draw_forms` is True by
# default, leaves the fields blank unless `init_forms()` was called before the page was loaded. That does not help its
# text. PyMuPDF 2.0 gives the answers, after all questions. Printing to PDF makes them part of the page, so files that
# came by such a way are complete, as a test's often are.
# For users: a lease or an application whose preview is blank, which no search for the tenant's name finds,
# and of which a summary says that nothing has been filled in. Read the fields beside the text (`get_form_text_fields`,
# `getAnnotations`), and call `init_forms()` before a preview.
# Source: https://pypdf.readthedocs.io/en/stable/user/forms.html; https://pypdfium2.readthedocs.io/en/stable/python_api.html
# (init_forms, may_draw_forms); https://github.com/open-legal-products/mike/pull/387 (August 2026, of pdf.js);
# https://github.com/pdfminer/pdfminer.six/issues/240; ISO 32000-2, 12.7.4 (fields) and 12.5.5 (appearance streams).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check pypdf==7.1.0 pdfminer.six==20260107 pypdfium2==5.15.2 \
    pillow==13.0.0 reportlab==5.1.0
"$here/venv/bin/pip" install -q --disable-pip-version-check --no-deps pymupdf==2.0
npm install --silent --no-fund --no-audit --prefix "$here" unpdf@1.8.1 >/dev/null
cat >"$here/read.mjs" <<'EOF'
import { readFileSync } from "node:fs";
import { extractText, getDocumentProxy } from "unpdf";
const pdf = await getDocumentProxy(new Uint8Array(readFileSync("form.pdf")));
const { text } = await extractText(pdf, { mergePages: true });
const fields = await (await pdf.getPage(1)).getAnnotations();
console.log(JSON.stringify([text, fields.map(({ fieldValue }) => fieldValue)]));
EOF
cd "$here"
venv/bin/python - <<'EOF'
import io
import json
import subprocess

import pymupdf
from pdfminer.high_level import extract_text
from pypdf import PdfReader, PdfWriter
from pypdfium2 import PdfDocument
from reportlab.pdfgen.canvas import Canvas

QUESTIONS, ANSWERS = ["Name of the tenant", "Rent"], {"tenant": "Ann Example", "rent": "1200 euros"}
LEFT, BOTTOM, WIDTH, HEIGHT, SCALE = 200, 740, 200, 20, 2
empty = io.BytesIO()
canvas = Canvas(empty)
for number, (question, field) in enumerate(zip(QUESTIONS, ANSWERS, strict=True)):
    canvas.drawString(50, BOTTOM + 6 - 50 * number, question)
    canvas.acroForm.textfield(name=field, x=LEFT, y=BOTTOM - 50 * number, width=WIDTH, height=HEIGHT)
canvas.save()
writer = PdfWriter(clone_from=empty)
writer.update_page_form_field_values(writer.pages[0], ANSWERS, auto_regenerate=False)
writer.write("form.pdf")


def drawn(forms: bool) -> int:
    """How many dark pixels the first field's inside has in a preview."""
    document = PdfDocument("form.pdf")
    if forms:
        document.init_forms()
    page = document[0]
    top = page.get_height() - BOTTOM - HEIGHT
    inside = (LEFT + 4, top + 3, LEFT + WIDTH - 4, top + HEIGHT - 3)
    picture = page.render(scale=SCALE).to_pil().convert("L").crop([round(SCALE * each) for each in inside])
    return sum(picture.histogram()[:100])


document = PdfDocument("form.pdf")
document.init_forms()
ran = subprocess.run(["node", "read.mjs"], capture_output=True, text=True, check=True)
of_unpdf, in_fields = json.loads(ran.stdout)
texts = {
    "pypdf": PdfReader("form.pdf").pages[0].extract_text(),
    "pdfminer.six": extract_text("form.pdf"),
    "pypdfium2": document[0].get_textpage().get_text_range(),
    "unpdf": of_unpdf,
    "PyMuPDF": pymupdf.open("form.pdf")[0].get_text(),
}
for name, text in texts.items():
    print(f"{name:12} {' | '.join(text.split(chr(10)))!r}")
    assert all(each in text for each in QUESTIONS)
    assert [each in text for each in ANSWERS.values()] == 2 * [name == "PyMuPDF"], f"{name}: this finding is out of date"
assert texts["PyMuPDF"].split("\n")[:4] == [*QUESTIONS, *ANSWERS.values()]
assert PdfReader("form.pdf").get_form_text_fields() == ANSWERS and in_fields == list(ANSWERS.values())
blank, whole = drawn(forms=False), drawn(forms=True)
print("dark pixels in a field of the preview:", blank, "and after init_forms:", whole)
assert blank == 0 and whole > 100, "fields are drawn by default now: this finding is out of date"
EOF
