#!/usr/bin/env bash
# Pillow 13.0.0: a telephone's JPEG with a gain map is "JPEG" with one frame, or "MPO" and animated, by its metadata.
#
# A good guess: a file that begins with FF D8 FF, ends in .jpg and is image/jpeg for browsers and puremagic is "JPEG" for
# Pillow, all the more if `Image.open(..., formats=["JPEG"])` lets nothing else in; and `is_animated` is of GIF, WebP and
# the like.
# What happens: a gain map, by which telephones keep the bright parts of a picture, is a second JPEG behind the first one
# and listed in an index (MPF). Pillow leaves it alone where XMP says `hdrgm:Version`, as Ultra HDR has it since Android
# 14. Without that, as where the map is described by ISO 21496-1 alone or the second picture is another view, the same
# file is "MPO" and "image/mpo", `is_animated` is True, and its second frame is small and grey. `formats=["JPEG"]` opens
# it as well. Saved with `save_all=True`, as animations are, it becomes a GIF of two pictures, and WebP raises since the
# two differ in size; without it, the map is gone.
# For users: photographs of some telephones, or from some date on, are refused by lists of formats, have no thumbnail, or
# flicker between a picture and a grey one. Compare `format in ("JPEG", "MPO")`, and animate by a list of formats too.
# Source: https://github.com/python-pillow/Pillow/pull/8056 and /issues/8036 (August 2026);
# https://github.com/element-hq/synapse/issues/20024 (July 2026, thumbnails of a chat server);
# https://developer.android.com/media/platform/hdr-image-format; CIPA DC-007 (Multi-Picture Format).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check pillow==13.0.0 puremagic==1.30
"$here/venv/bin/python" - <<'EOF'
import io

import PIL
import puremagic
from PIL import Image, ImageSequence

ULTRA_HDR = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/></rdf:RDF></x:xmpmeta>"""
PHOTO, GAIN_MAP = Image.radial_gradient("L").resize((400, 300)).convert("RGB"), Image.new("L", (100, 75), 128)


def taken(**metadata: bytes) -> bytes:
    """A photograph with a gain map behind it."""
    file = io.BytesIO()
    PHOTO.save(file, "MPO", save_all=True, append_images=[GAIN_MAP], **metadata)
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content), formats=["JPEG"])


def animated(content: bytes, kind: str) -> int | str:
    """How many frames a picture has after it was saved as an animation, or the error."""
    file = io.BytesIO()
    try:
        opened(content).save(file, kind, save_all=True)
    except RuntimeError as error:
        return type(error).__name__
    return getattr(Image.open(file), "n_frames", 1)


print("Pillow", PIL.__version__)
seen = {}
for name, content in (("with hdrgm", taken(xmp=ULTRA_HDR)), ("without", taken())):
    picture = opened(content)
    seen[name] = (
        picture.format,
        picture.get_format_mimetype(),
        getattr(picture, "is_animated", False),
        [frame.size for frame in ImageSequence.Iterator(picture)],
        *(animated(content, kind) for kind in ("GIF", "WEBP")),
    )
    print(f"{name:10}", puremagic.from_string(content, mime=True), "for puremagic; Pillow:", *seen[name])
    assert content.startswith(b"\xff\xd8\xff") and puremagic.from_string(content, mime=True) == "image/jpeg"
assert seen["with hdrgm"] == ("JPEG", "image/jpeg", False, [(400, 300)], 1, 1)
as_mpo = ("MPO", "image/mpo", True, [(400, 300), (100, 75)], 2, "RuntimeError")
assert seen["without"] == as_mpo, "it is opened otherwise now: this finding is out of date"
EOF
