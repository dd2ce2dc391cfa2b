"""Thumbnails of pictures with 16 bits of grey, two colours, a palette or a see-through colour."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.unit.parsers.test_texts_and_bytes import thumbnail_of

WHITE_16 = 65_535


def _small(picture: Any, kind: str = "PNG", **more: Any) -> Any:
    """The thumbnail of a picture."""
    from PIL import Image

    out, kept = io.BytesIO(), list[bytes]()
    picture.save(out, kind, **more)
    assert thumbnail_of(out.getvalue(), kept.append)
    return Image.open(io.BytesIO(kept[0]))


def _grey_16(size: tuple[int, int], level: int, order: str) -> Any:
    """A picture of one grey, 0–65,535, in the byte order of `I;16` or `I;16B`."""
    from PIL import Image

    pixel = level.to_bytes(2, "big" if order == "I;16B" else "little")
    return Image.frombytes(order, size, pixel * (size[0] * size[1]))


@pytest.mark.parametrize("edge", [32, 600, 4_000], ids=["as it is", "made smaller", "made much smaller"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "TIFF of the other byte order"])
def test_a_scan_of_sixteen_bits_keeps_its_greys(kind: str, edge: int) -> None:
    order = "I;16B" if "other" in kind else "I;16"
    for level in (0, 20_000, 50_000, WHITE_16):
        shown = _small(_grey_16((edge, 8), level, order), kind[:4]).convert("L").getpixel((0, 0))
        assert abs(shown - level * 255 / WHITE_16) < 4


@pytest.mark.parametrize("colours", ["1", "P"])
def test_lines_of_a_drawing_are_not_dropped_where_it_is_made_smaller(colours: str) -> None:
    from PIL import Image

    drawing = Image.new("L", (2_048, 2_048), 255)
    for row in range(1, 2_048, 4):  # a line in each four rows, the thumbnail has one row of them
        drawing.paste(0, (0, row, 2_048, row + 1))
    greys = set(_small(drawing.convert(colours)).convert("L").tobytes())
    assert max(greys) - min(greys) < 40
    assert 150 < min(greys) < 230  # three quarters white


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_colour_that_is_see_through_stays_so(mode: str) -> None:
    from PIL import Image

    logo = Image.new("L", (64, 64), 0)
    logo.paste(255, (0, 32, 64, 64))
    key: Any = (0, 0, 0) if mode == "RGB" else 0
    small = _small(logo.convert(mode), transparency=key)
    assert small.mode == "RGBA"
    assert (small.getpixel((8, 8))[3], small.getpixel((8, 56))[3]) == (0, 255)
