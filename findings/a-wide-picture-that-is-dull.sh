#!/usr/bin/env bash
# Pillow 13.0.0, sharp 0.35.5 (npm), Chromium 156: a PNG or AVIF may name its colours by numbers; thumbnails lose them.
#
# A good guess: a picture in Display P3 or in HDR has an ICC profile, so whoever converts by that (`info["icc_profile"]`
# in Pillow, by itself in sharp) has the colours that a browser shows; a file without a profile is sRGB.
# What happens: PNG (third edition, of 2025: `cICP`) and AVIF (`nclx`) name a colour space by numbers of ITU-T H.273, and
# Chromium follows them. Both libraries tell nothing of them and hand the pixels on as they stand: of three reds, in sRGB,
# P3 and HDR (PQ), Chromium shows (200, 50, 50), (218, 24, 40) and (255, 0, 0), and in thumbnails all are the first.
# Pillow can write `cICP` since 11.2.
# For users: previews that are duller than their pictures, by the program that has made the file, and a picture that is
# duller for good where the smaller one replaces it. Read the chunk before the pixels, or the box; primaries and curve
# fit into an ICC profile of 6 KB. In a PNG they come before a profile, in an AVIF after it.
# Source: https://www.w3.org/TR/png-3/#cICP-chunk and section 4.3 (which chunk comes first);
# https://github.com/python-pillow/Pillow/pull/8704 (writes it); https://github.com/libvips/libvips/issues/3912 (AVIF in
# HDR, open); https://github.com/AOMediaCodec/libavif/wiki/CICP.
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2 pillow==13.0.0
npm install --silent --no-fund --no-audit --prefix "$here" sharp@0.35.5 >/dev/null
cat >"$here/resize.mjs" <<'EOF'
import sharp from "sharp";
const seen = {};
for (const name of process.argv.slice(2)) {
  const { data, info } = await sharp(name).resize(16).toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  const middle = (8 * info.width + 8) * info.channels;
  seen[name] = [...data.subarray(middle, middle + 3)];
}
console.log(JSON.stringify(seen));
EOF
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'EOF'
import base64
import io
import json
import struct
import subprocess
import sys
from pathlib import Path

import PIL
from PIL import Image, PngImagePlugin
from playwright.sync_api import sync_playwright

CODES = {"sRGB": (1, 13), "P3": (12, 13), "PQ": (9, 16)}
SHOW = """async (url) => {
  const picture = Object.assign(new Image(), { src: url });
  await picture.decode();
  const context = new OffscreenCanvas(32, 32).getContext("2d");
  context.drawImage(picture, 0, 0);
  return [...context.getImageData(16, 16, 1, 1).data].slice(0, 3);
}"""
AS_IT_STANDS = [200, 50, 50]


def near(found, wanted):
    return all(abs(one - other) <= 3 for one, other in zip(found, wanted, strict=True))


picture = Image.new("RGB", (32, 32), tuple(AS_IT_STANDS))
files = {}
for name, (primaries, curve) in CODES.items():
    numbers = PngImagePlugin.PngInfo()
    numbers.add(b"cICP", bytes((primaries, curve, 0, 1)))
    png, avif = io.BytesIO(), io.BytesIO()
    picture.save(png, "PNG", pnginfo=numbers)
    picture.save(avif, "AVIF", quality=100, subsampling="4:4:4")
    content = bytearray(avif.getvalue())
    struct.pack_into(">HH", content, content.index(b"colrnclx") + 8, primaries, curve)
    files |= {f"{name}.png": png.getvalue(), f"{name}.avif": bytes(content)}
for file, content in files.items():
    Path(file).write_bytes(content)
ran = subprocess.run(["node", "resize.mjs", *files], capture_output=True, text=True, check=True)
sharp = json.loads(ran.stdout)
options = {"executable_path": sys.argv[1], "args": ["--no-sandbox", "--force-color-profile=srgb"]}
shown = {}
with sync_playwright() as playwright, playwright.chromium.launch(**options) as browser:
    print(f"Chromium {browser.version}, Pillow {PIL.__version__}, sharp 0.35.5")
    page = browser.new_page()
    for file, content in files.items():
        url = f"data:image/{file.rpartition('.')[2]};base64,{base64.b64encode(content).decode()}"
        shown[file] = page.evaluate(SHOW, url)
told = {}
for file in files:
    with Image.open(file) as small:
        small.thumbnail((16, 16))
        pillow = list(small.getpixel((8, 8)))
        told[file] = small.info
    print(f"{file:9} Chromium {shown[file]}, Pillow {pillow}, sharp {sharp[file]}")
    outdated = "a thumbnail follows the numbers now: this finding is out of date"
    assert near(pillow, AS_IT_STANDS) and near(sharp[file], AS_IT_STANDS), outdated
    assert told[file] == told["sRGB." + file.rpartition(".")[2]], outdated
for kind in ("png", "avif"):
    assert near(shown[f"sRGB.{kind}"], AS_IT_STANDS)
    assert near(shown[f"P3.{kind}"], (218, 24, 40))
    assert shown[f"PQ.{kind}"][0] > 240 and shown[f"PQ.{kind}"][1] < 20
EOF
