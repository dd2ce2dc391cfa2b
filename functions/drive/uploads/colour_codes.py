"""Colour spaces that a picture names by code points (ITU-T H.273), as ICC profiles.

PNG has them in a chunk (`cICP`, in the standard since 2025), AVIF in a box (`nclx`). Pillow reads neither, so the
numbers of a wide or bright picture would be taken for sRGB, which is duller.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator

# Red, green and blue of the primaries in XYZ, adapted to the white of ICC profiles (D50).
_PRIMARIES = {
    1: ((0.43604, 0.22248, 0.01392), (0.38511, 0.71691, 0.09707), (0.14305, 0.06061, 0.71391)),  # BT.709, sRGB
    9: ((0.67348, 0.27904, -0.00193), (0.16567, 0.67534, 0.02998), (0.12505, 0.04561, 0.79685)),  # BT.2020
    12: ((0.51512, 0.24119, -0.00105), (0.29198, 0.69224, 0.04188), (0.1571, 0.06657, 0.78407)),  # Display P3
}
_D50 = (0.9642, 1.0, 0.8249)
_WHITE_NITS = 406  # twice the white of BT.2408, about where Chromium has it; what is brighter is white, too
_STEPS = 1_024
_AVIF_HEAD_BYTES = 65_536


def profile(content: bytes) -> bytes | None:
    """The ICC profile of the code points in a PNG or AVIF file; None without any, for unknown ones, and for sRGB."""
    codes = _of_png(content) if content.startswith(b"\x89PNG") else _of_avif(content)
    if codes is None:
        return None
    primaries, curve = _PRIMARIES.get(codes[0]), _CURVES.get(codes[1])
    if primaries is None or curve is None or (codes[0], curve) == (1, _srgb):
        return None
    return _icc(primaries, curve)


def _of_png(content: bytes) -> tuple[int, int] | None:
    for kind, start, length in _chunks(content):
        if kind == b"cICP" and length == 4:
            return content[start], content[start + 1]
    return None


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and length of a PNG's chunks before the pixels."""
    at = 8
    while at + 12 <= len(content) and (kind := content[at + 4 : at + 8]) != b"IDAT":
        length = int.from_bytes(content[at : at + 4], "big")
        yield kind, at + 8, length
        at += 12 + length


def _of_avif(content: bytes) -> tuple[int, int] | None:
    found = content.find(b"colrnclx", 0, _AVIF_HEAD_BYTES) if content[4:8] == b"ftyp" else -1
    codes = content[found + 8 : found + 12]
    return struct.unpack(">HH", codes) if found >= 0 and len(codes) == 4 else None


def _srgb(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _pq(value: float) -> float:
    """BT.2100, perceptual quantisation."""
    root = value ** (32 / 2523)
    return float((max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (8192 / 1305)) * 10_000 / _WHITE_NITS


def _hlg(value: float) -> float:
    """BT.2100, hybrid log-gamma, on a display of 1,000 nits."""
    scene = value * value / 3 if value <= 0.5 else (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return float(scene**1.2) * 1_000 / _WHITE_NITS


# By the code of the transfer function. BT.709's and its equals (1, 6, 14, 15) are shown as sRGB is.
_CURVES: dict[int, Callable[[float], float]] = {**dict.fromkeys((1, 6, 13, 14, 15), _srgb), 16: _pq, 18: _hlg}


def _icc(primaries: tuple[tuple[float, float, float], ...], curve: Callable[[float], float]) -> bytes:
    """An ICC profile (ICC.1:2001-04) of three primaries and one curve."""
    levels = [round(min(1.0, curve(step / (_STEPS - 1))) * 65_535) for step in range(_STEPS)]
    response = b"curv" + bytes(4) + struct.pack(f">I{_STEPS}H", _STEPS, *levels)
    tags = {b"wtpt": b"XYZ " + bytes(4) + _fixed(_D50)}
    tags |= {
        name: b"XYZ " + bytes(4) + _fixed(each)
        for name, each in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)
    }
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), response)
    table, data, begin = b"", b"", 132 + 12 * len(tags)
    for name, tag in tags.items():
        table += name + struct.pack(">II", begin + len(data), len(tag))
        data += tag
    head = struct.pack(">I4xI4s4s4s12x4s28x", begin + len(data), 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return head + _fixed(_D50) + bytes(48) + struct.pack(">I", len(tags)) + table + data


def _fixed(numbers: tuple[float, ...]) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(each * 65_536) for each in numbers))
