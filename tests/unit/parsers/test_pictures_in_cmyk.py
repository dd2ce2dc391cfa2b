"""Thumbnails of pictures in the four inks of print (CMYK), as JPEG has them.

Adobe's marker says that the bytes are 255 less the ink, and whether the inks are encoded as YCCK; all files from its
programs have it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.parsers.test_texts_and_bytes import thumbnail_of

INKS = {
    "paper": ((0, 0, 0, 0), (255, 255, 255)),
    "cyan": ((255, 0, 0, 0), (0, 255, 255)),
    "yellow": ((0, 0, 255, 0), (255, 255, 0)),
    "black": ((0, 0, 0, 255), (0, 0, 0)),
}
APP14 = b"\xff\xee"


def _inked(ink: tuple[int, ...], **more: Any) -> bytes:
    """A JPEG of one colour with Adobe's marker."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("CMYK", (32, 32), ink).save(out, "JPEG", quality=95, **more)
    return out.getvalue()


def _marker(content: bytes) -> tuple[int, int]:
    """Where Adobe's marker begins and ends."""
    begin = content.index(APP14)
    return begin, begin + 2 + int.from_bytes(content[begin + 2 : begin + 4], "big")


def _unmarked(ink: tuple[int, ...]) -> bytes:
    content = _inked(ink)
    begin, end = _marker(content)
    return content[:begin] + content[end:]


def _ycck(ink: tuple[int, ...]) -> bytes:
    """The marker's last byte says that the first three are the inks as YCbCr."""
    from PIL import Image

    coded = Image.new("RGB", (1, 1), ink[:3]).convert("YCbCr").tobytes()
    content = bytearray(_inked((*(255 - each for each in coded), ink[3])))
    content[_marker(bytes(content))[1] - 1] = 2
    return bytes(content)


def _profile() -> bytes:
    """A profile of a press whose cyan ink is red; all its other mixtures but paper and black are grey.

    It has the one table that a conversion from it reads: two points for each ink, and their colours in CIELAB, a byte
    for each number (ICC.1:2001-04, "lut8Type").
    """
    colours = {(0, 0, 0, 0): (100, 0, 0), (1, 0, 0, 0): (53, 80, 67), (0, 0, 0, 1): (0, 0, 0)}
    corners = [(n >> 3 & 1, n >> 2 & 1, n >> 1 & 1, n & 1) for n in range(16)]
    points = b"".join(
        bytes((round(light * 2.55), red + 128, yellow + 128))
        for light, red, yellow in (colours.get(corner, (50, 0, 0)) for corner in corners)
    )
    straight = bytes(range(256))
    unit = b"".join(struct.pack(">i", 65536 * (n % 4 == 0)) for n in range(9))
    table = b"mft1" + bytes((0, 0, 0, 0, 4, 3, 2, 0)) + unit + straight * 4 + points + straight * 3
    size = 128 + 4 + 12 + len(table)
    head = struct.pack(">I4sI4s4s4s", size, b"", 0x02400000, b"prtr", b"CMYK", b"Lab ") + bytes(12) + b"acsp"
    light = struct.pack(">iii", 63190, 65536, 54061)  # of D50
    head = (head.ljust(68, b"\0") + light).ljust(128, b"\0")
    return head + struct.pack(">I4sII", 1, b"A2B0", 144, len(table)) + table


def _seen(content: bytes) -> tuple[int, ...]:
    """The first pixel of the thumbnail."""
    from PIL import Image

    kept: list[bytes] = []
    assert thumbnail_of(content, kept.append)
    with Image.open(io.BytesIO(kept[0])) as small:
        return tuple(small.tobytes()[:3])


def _near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 16 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("colour", INKS)
@pytest.mark.parametrize("written", [_inked, _ycck, _unmarked])
def test_inks_look_as_in_a_browser(written: Callable[[tuple[int, ...]], bytes], colour: str) -> None:
    ink, shown = INKS[colour]
    assert _near(_seen(written(ink)), shown)


@pytest.mark.parametrize(("colour", "shown"), [("paper", (255,) * 3), ("cyan", (255, 0, 0)), ("black", (0, 0, 0))])
def test_inks_look_as_their_profile_says(colour: str, shown: tuple[int, ...]) -> None:
    assert _near(_seen(_inked(INKS[colour][0], icc_profile=_profile())), shown)


def test_inks_with_a_profile_of_another_kind_of_picture_look_as_without_one() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert _near(_seen(_inked(INKS["cyan"][0], icc_profile=profile)), INKS["cyan"][1])
