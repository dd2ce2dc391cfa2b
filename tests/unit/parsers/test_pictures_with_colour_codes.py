"""Thumbnails of pictures that name their colour space by code points (ITU-T H.273), which Pillow leaves aside.

The colours are those that Chromium 156 shows. Of bright pictures it brings the range down by a curve of its own: these
are near, not equal.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest

from tests.unit.parsers.test_texts_and_bytes import thumbnail_of

SRGB, WIDE, BT2020, PQ, HLG = (1, 13), (12, 13), (9, 13), (9, 16), (9, 18)
SHOWN = [
    (SRGB, (200, 50, 50), (200, 50, 50), 6),
    (WIDE, (200, 50, 50), (218, 24, 40), 6),
    (BT2020, (100, 150, 100), (42, 155, 93), 6),
    (PQ, (150, 100, 100), (236, 33, 72), 12),
    (PQ, (100, 100, 100), (76, 76, 76), 6),
    (HLG, (150, 100, 100), (135, 70, 76), 15),
    (HLG, (200, 200, 200), (202, 202, 202), 6),
    ((250, 13), (200, 50, 50), (200, 50, 50), 6),  # not assigned
]


def _saved(kind: str, colour: tuple[int, ...], **more: Any) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(out, kind, **more)
    return out.getvalue()


def _png(colour: tuple[int, ...], codes: tuple[int, int], **more: Any) -> bytes:
    content = _saved("PNG", colour, **more)
    chunk = b"cICP" + bytes([*codes, 0, 1])
    after_header = 33
    whole = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return content[:after_header] + whole + content[after_header:]


def _avif(colour: tuple[int, ...], codes: tuple[int, int], **more: Any) -> bytes:
    content = bytearray(_saved("AVIF", colour, quality=100, subsampling="4:4:4", **more))
    struct.pack_into(">HH", content, content.index(b"colrnclx") + 8, *codes)
    return bytes(content)


def _pixel(content: bytes) -> tuple[int, ...]:
    from PIL import Image

    kept: list[bytes] = []
    assert thumbnail_of(content, kept.append) is not None
    with Image.open(io.BytesIO(kept[0])) as small:
        return tuple(small.convert("RGB").crop((16, 16, 17, 17)).tobytes())


def _far(found: tuple[int, ...], wanted: tuple[int, ...]) -> int:
    return max(abs(one - other) for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("make", [_png, _avif])
@pytest.mark.parametrize(("codes", "colour", "shown", "within"), SHOWN)
def test_colours_are_those_of_the_code_points(
    make: Any, codes: tuple[int, int], colour: tuple[int, ...], shown: tuple[int, ...], within: int
) -> None:
    assert _far(_pixel(make(colour, codes)), shown) <= within


def test_of_code_points_and_a_profile_a_png_follows_the_code_points_and_an_avif_the_profile() -> None:
    from PIL import ImageCms

    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    as_coded, as_it_stands = (218, 24, 40), (200, 50, 50)
    assert _far(_pixel(_png(as_it_stands, WIDE, icc_profile=srgb)), as_coded) <= 6
    assert _far(_pixel(_avif(as_it_stands, WIDE, icc_profile=srgb)), as_it_stands) <= 6
