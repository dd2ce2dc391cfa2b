#!/usr/bin/env bash
# python-docx 1.2.0, mammoth 1.13.0, MarkItDown 0.1.9, officeparser 7.8.0: a name that has its reading above it is lost.
#
# A good guess: where Word shows the reading of a word in small letters above it (furigana, "Phonetic Guide"), a reader
# of the text gives the word, the word and its reading, or at worst the reading twice. The word itself is body text.
# What happens: Word puts the word into `w:rubyBase` of a `w:ruby` inside of a run, as a run in a run. Readers that look
# at the children of runs they know find none there: python-docx, mammoth in Python and in JavaScript, officeparser, and
# MarkItDown, which asks mammoth, give "In charge: ." for "In charge: Yamada.", and mammoth tells only in its messages
# that an element was ignored. docx2txt 0.9 and docx2python 3.7.1 give the reading, then the word, as one word. In a
# sheet of Excel, which keeps the reading of what was typed unasked (`rPh`), openpyxl 3.1.5, python-calamine 0.9.1,
# exceljs 4.4.0 and xlsx 0.18.5 leave the reading out; officeparser alone has "山田ヤマダ".
# For users: readings stand above what people may misread: names of people and places, in forms, lists and schoolbooks.
# Just those are not found by a search, and missing in a preview or a summary. Before reading, replace each `w:ruby` by
# the runs of its `w:rubyBase`, as the last lines do.
# Source: https://github.com/mwilliamson/python-mammoth/issues/76 (2019, open);
# https://github.com/NousResearch/hermes-agent/pull/114771 (September 2026: both kinds of files in another program);
# https://github.com/jsonkenl/xlsxir/issues/104 (sheets); ECMA-376 part 1, 17.3.3.25 (ruby), 18.4.6 (rPh).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check python-docx==1.2.0 'markitdown[docx]==0.1.9' \
    mammoth==1.13.0 docx2txt==0.9 docx2python==3.7.1 openpyxl==3.1.5 xlsxwriter==3.3.1 python-calamine==0.9.1
npm install --silent --no-fund --no-audit --prefix "$here" mammoth@1.13.0 officeparser@7.8.0 exceljs@4.4.0 xlsx@0.18.5 \
    >/dev/null
cat >"$here/read.mjs" <<'EOF'
import ExcelJS from "exceljs";
import mammoth from "mammoth";
import officeparser from "officeparser";
import XLSX from "xlsx";
const workbook = new ExcelJS.Workbook();
await workbook.xlsx.readFile("names.xlsx");
const { Sheets } = XLSX.readFile("names.xlsx");
const office = async (path) => (await officeparser.parseOffice(path)).toText().trim();
const docx = { "mammoth.js": (await mammoth.extractRawText({ path: "names.docx" })).value.trim() };
docx.officeparser = await office("names.docx");
const xlsx = { exceljs: workbook.worksheets[0].getCell("A1").value, xlsx: Object.values(Sheets)[0].A1.v };
xlsx.officeparser = await office("names.xlsx");
console.log(JSON.stringify({ docx, xlsx }));
EOF
cd "$here"
npm ls --depth 0
venv/bin/python - <<'EOF'
import json
import subprocess
import zipfile
from importlib.metadata import version

import docx
import docx2txt
import mammoth
import openpyxl
import xlsxwriter
from docx.oxml import parse_xml
from docx.oxml.ns import qn
from docx2python import docx2python
from markitdown import MarkItDown
from python_calamine import CalamineWorkbook

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
READING, NAME = "<w:rt><w:r><w:t>やまだ</w:t></w:r></w:rt>", "<w:rubyBase><w:r><w:t>山田</w:t></w:r></w:rubyBase>"
SIZES = '<w:rubyAlign w:val="distributeSpace"/><w:hps w:val="10"/><w:hpsRaise w:val="18"/><w:hpsBaseText w:val="21"/>'
PROPERTIES = f'<w:rubyPr>{SIZES}<w:lid w:val="ja-JP"/></w:rubyPr>'
document = docx.Document()
paragraph = document.add_paragraph("担当は")
paragraph._p.append(parse_xml(f"<w:r {W}><w:ruby>{PROPERTIES}{READING}{NAME}</w:ruby></w:r>"))
paragraph.add_run("です。")
document.save("names.docx")
workbook = xlsxwriter.Workbook("typed.xlsx")
workbook.add_worksheet().write(0, 0, "山田")
workbook.close()
PHONETIC = '<rPh sb="0" eb="2"><t>ヤマダ</t></rPh><phoneticPr fontId="0"/>'
with zipfile.ZipFile("typed.xlsx") as typed, zipfile.ZipFile("names.xlsx", "w") as names:
    for each in typed.namelist():
        names.writestr(each, typed.read(each).replace("山田</t>".encode(), f"山田</t>{PHONETIC}".encode()))

with open("names.docx", "rb") as file:
    raw = mammoth.extract_raw_text(file)
found = json.loads(subprocess.run(["node", "read.mjs"], capture_output=True, check=True).stdout)
found["docx"] |= {
    "python-docx": docx.Document("names.docx").paragraphs[0].text,
    "mammoth": raw.value.strip(),
    "markitdown": MarkItDown().convert("names.docx").text_content.strip(),
    "docx2txt": docx2txt.process("names.docx").strip(),
    "docx2python": docx2python("names.docx").text.strip(),
}
found["xlsx"] |= {
    "openpyxl": openpyxl.load_workbook("names.xlsx").active["A1"].value,
    "python-calamine": CalamineWorkbook.from_path("names.xlsx").get_sheet_by_index(0).to_python()[0][0],
}
for name in ("python-docx", "mammoth", "markitdown", "docx2txt", "docx2python", "openpyxl", "python-calamine"):
    print(name, version(name))
print(found, [each.message for each in raw.messages])
both = {"docx2txt", "docx2python"}
for name, text in found["docx"].items():
    assert text == ("担当はやまだ山田です。" if name in both else "担当はです。"), f"{name}: this finding is out of date"
for name, text in found["xlsx"].items():
    assert text == ("山田ヤマダ" if name == "officeparser" else "山田"), f"{name}: this finding is out of date"
opened = docx.Document("names.docx")
for ruby in opened.element.xpath("//w:ruby"):
    run = ruby.getparent()
    for base in list(ruby.find(qn("w:rubyBase"))):
        run.addprevious(base)
    run.remove(ruby)
assert opened.paragraphs[0].text == "担当は山田です。"
EOF
