#!/usr/bin/env bash
# Pillow 13.0.0, Chromium 156, image-size 2.1.0: one picture with Exif orientation 6, upright or lying by its format.
#
# A good guess: since browsers turn pictures by their Exif data, a thumbnail made by `ImageOps.exif_transpose`, the size
# that a library reads and the picture in a browser agree, in every format that carries Exif.
# What happens: for JPEG and PNG Chromium turns as Pillow does. Of a WebP with the same tag, which is well by the
# format's own rules, Pillow makes an upright thumbnail and Chromium shows the picture lying, 60 by 40. For AVIF, Pillow
# writes the turn into the file itself (`irot`) and leaves the tag out, so that both agree and image-size, which says
# "orientation: 6" for a JPEG, gives 60 by 40 without a hint: who reserves a place by it shows a squeezed picture.
# For users: a photo converted to WebP with its metadata stands in the list and lies when it is opened. Turn the pixels
# before an upload and write no tag, or serve a WebP's original only as re-encoded.
# Source: https://developers.google.com/speed/webp/docs/riff_container ("Metadata", EXIF chunk);
# https://drafts.csswg.org/css-images-3/#the-image-orientation; https://aomediacodec.github.io/av1-avif/
# (transformative properties); Pillow, ImageOps.exif_transpose; image-size, which reads `ispe` and not `irot`.
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2 pillow==13.0.0
npm install --silent --no-fund --no-audit --prefix "$here" image-size@2.1.0 >/dev/null
cat >"$here/sizes.mjs" <<'EOF'
import { readFileSync } from "node:fs";
import { imageSize } from "image-size";
const sizes = {};
for (const format of process.argv.slice(2)) {
  const { width, height, orientation = null } = imageSize(readFileSync(`picture.${format}`));
  sizes[format] = [width, height, orientation];
}
console.log(JSON.stringify(sizes));
EOF
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'EOF'
import base64
import json
import subprocess
import sys

import PIL
from PIL import ExifTags, Image, ImageOps
from playwright.sync_api import sync_playwright

FORMATS = ["jpeg", "png", "webp", "avif"]
SHOWN = """async (address) => {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  return [picture.naturalWidth, picture.naturalHeight];
}"""
tag = Image.Exif()
tag[ExifTags.Base.Orientation] = 6  # to be turned by a quarter
pillow, shown, files = {}, {}, {}
for each in FORMATS:
    Image.new("RGB", (60, 40), "red").save(f"picture.{each}", exif=tag)
    with Image.open(f"picture.{each}") as picture:
        pillow[each] = list(ImageOps.exif_transpose(picture).size)
    with open(f"picture.{each}", "rb") as file:
        files[each] = file.read()
listed = subprocess.run(["node", "sizes.mjs", *FORMATS], capture_output=True, text=True, check=True)
sizes = json.loads(listed.stdout)
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    page = browser.new_page()
    for each in FORMATS:
        shown[each] = page.evaluate(SHOWN, f"data:image/{each};base64,{base64.b64encode(files[each]).decode()}")
    print("chromium", browser.version, "pillow", PIL.__version__)
    browser.close()
for each in FORMATS:
    print(f"{each:5} Pillow turned {pillow[each]}, Chromium {shown[each]}, image-size {sizes[each]}")
upright, lying = [40, 60], [60, 40]
hints = {"jpeg": 6, "png": None, "webp": None, "avif": None}
outdated = "another of them turns, or one no longer does: this finding is out of date"
assert all(size == upright for size in pillow.values()), outdated
assert shown == {"jpeg": upright, "png": upright, "webp": lying, "avif": upright}, outdated
assert sizes == {each: [*lying, hint] for each, hint in hints.items()}, outdated
assert b"irot" in files["avif"] and b"Exif" not in files["avif"], outdated
EOF
