#!/usr/bin/env bash
# segno 1.6.6 with jsQR 1.4.0, @zxing/library 0.21.3 (npm), OpenCV 5.0.0: the shorter the link, the fewer read it.
#
# A good guess: `segno.make(text)` gives a QR code, the smaller the shorter the text is, and whatever reads QR codes
# reads it.
# What happens: what has up to 15 bytes, or 35 digits, fits into a Micro QR code, a symbol of its own with one finder
# pattern instead of three, and where the text fits segno makes that one. jsQR, @zxing/library and OpenCV's detector
# see nothing in it, without an error; zxing-cpp 3.1.1 reads it. One letter more, and it is a QR code that all four
# read.
# For users: a code to pair two devices with (nine digits), or an invitation of a service with a short name, can be
# scanned by nobody's web page, while the same page reads it in development, where the address is longer. Say
# `make_qr`, or `micro=False`.
# Source: https://segno.readthedocs.io/en/stable/make.html (`micro`: None chooses the smallest);
# https://github.com/cozmo/jsQR and https://github.com/zxing-js/library (QR code only);
# https://www.iso.org/standard/83389.html (ISO/IEC 18004, Micro QR).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check segno==1.6.6 zxing-cpp==3.1.1 opencv-python-headless==5.0.0.93 pillow
npm init -y >/dev/null
npm install --silent --no-audit --no-fund jsqr@1.4.0 @zxing/library@0.21.3 pngjs@7.0.0
cat >read.mjs <<'EOF'
import { readFileSync } from "node:fs";
import zxing from "@zxing/library";
import jsqr from "jsqr";
import { PNG } from "pngjs";

const { data, width, height } = PNG.sync.read(readFileSync(process.argv[2]));
const byJsqr = (jsqr.default ?? jsqr)(new Uint8ClampedArray(data), width, height)?.data ?? "";
const grey = Uint8ClampedArray.from({ length: width * height }, (_, place) => data[4 * place]);
const source = new zxing.RGBLuminanceSource(grey, width, height);
let byZxing = "";
try {
  byZxing = new zxing.MultiFormatReader().decode(new zxing.BinaryBitmap(new zxing.HybridBinarizer(source))).getText();
} catch (error) {
  if (!(error instanceof zxing.NotFoundException)) throw error;
}
console.log(JSON.stringify([byJsqr, byZxing]));
EOF
venv/bin/python - <<'EOF'
import json
import subprocess

import cv2
import numpy
import segno
import zxingcpp
from PIL import Image

READERS = ("jsQR", "@zxing/library", "OpenCV", "zxing-cpp")


def readers_of(text: str, **how) -> tuple[str, list[str]]:
    """The symbol that is made of a text, and who reads the text in it."""
    code = segno.make(text, **how)
    code.save("code.png", scale=8, border=4)
    image = numpy.array(Image.open("code.png").convert("L"))
    found = json.loads(subprocess.run(["node", "read.mjs", "code.png"], capture_output=True, check=True).stdout)
    found.append(cv2.QRCodeDetector().detectAndDecode(image)[0])
    found.append("".join(each.text for each in zxingcpp.read_barcodes(image)))
    return code.designator, [name for name, read in zip(READERS, found, strict=True) if read == text]


short, longer = "a.example/i/7Q", "a.example/i/7Qm2"
cases = readers_of(short), readers_of("482917305"), readers_of(longer), readers_of(short, micro=False)
for each in cases:
    print(*each)
assert [made for made, _ in cases] == ["M4-L", "M2-L", "1-L", "1-M"], cases
assert [len(by) for _, by in cases] == [1, 1, 4, 4]
EOF
