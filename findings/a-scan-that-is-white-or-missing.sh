#!/usr/bin/env bash
# Pillow 13.0.0, Chromium 156: the thumbnail of one and the same 16-bit scan is white, or an error, by its size alone.
#
# A good guess: a PNG that each browser shows has a thumbnail by `picture.thumbnail(size)` and `convert("RGB")`, and what
# is done for every depth is done for this one: 16 bits of RGB, or of grey with alpha, become 8 bits as one expects. At
# worst the picture is refused, always or never.
# What happens: grey of 16 bits (of scanners, X-rays, depth cameras) keeps its numbers, and `convert` takes each above
# 255 for white: all of the scan but its blackest 0.4 %. That has been so for long and comes without a word. Where the
# scan is more than some four times as large as the thumbnail, `thumbnail` first divides by whole numbers and raises
# ValueError, "image has wrong mode", in this release. A test with a small sample sees neither the error nor, with a
# white page, the fault.
# For users: a list of white pictures for small scans and none for large ones, while each opens well. Bring the mode
# "I;16" to a byte yourself before scaling: `convert("I").point(lambda level: level / 257).convert("L")`.
# Source: https://github.com/python-pillow/Pillow/issues/3011 and /issues/2574 (the clipping); PIL/Image.py (thumbnail,
# `reducing_gap=2.0`; reduce); https://www.w3.org/TR/png-3/#13Sample-depth-rescaling;
# https://github.com/unslothai/unsloth/pull/10094 (September 2026: the same in another product).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2 pillow==13.0.0
"$here/venv/bin/python" - "$(command -v chromium)" <<'EOF'
import base64
import io
import sys

import PIL
from PIL import Image
from playwright.sync_api import sync_playwright

EDGE = 100
SHOWN = """async (address) => {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  canvas.drawImage(picture, 0, 0);
  return canvas.getImageData(0, 0, 1, 1).data[0];
}"""


def scan(edge, level):
    """A PNG of one grey, 0–65,535."""
    out = io.BytesIO()
    Image.frombytes("I;16", (edge, edge), level.to_bytes(2, "little") * (edge * edge)).save(out, "PNG")
    return out.getvalue()


def thumbnail(content, in_bytes):
    """The grey of the thumbnail, 0–255, or what was raised."""
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.mode == "I;16"
        if in_bytes:
            picture = picture.convert("I").point(lambda level: level / 257).convert("L")
        try:
            picture.thumbnail((EDGE, EDGE))
        except ValueError as error:
            return str(error)
        return picture.convert("RGB").getpixel((0, 0))[0]


outdated = "sixteen bits are made eight now, or not scaled at all: this finding is out of date"
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    page = browser.new_page()
    print("Pillow", PIL.__version__, "Chromium", browser.version)
    for times in (1, 2, 8):
        for grey in (0, 60, 200):
            content = scan(EDGE * times, grey * 257)
            shown = page.evaluate(SHOWN, f"data:image/png;base64,{base64.b64encode(content).decode()}")
            made, mended = thumbnail(content, False), thumbnail(content, True)
            print(f"{times} times the thumbnail, grey {grey:3}: Chromium {shown}, Pillow {made}, by bytes {mended}")
            assert shown == mended == grey
            assert made == ("image has wrong mode" if times == 8 else 255 if grey else 0), outdated
    browser.close()
EOF
