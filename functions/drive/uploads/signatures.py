"""Reads which types the first bytes of a file may mean: by puremagic, and what it does not know by rules of our own.

It knows nothing of what a file was declared as.
"""

from __future__ import annotations

from typing import Any

ZIP_HEADS = (b"PK\x03\x04", b"PK\x05\x06")  # of an archive, and of an empty one
_HEIF_BRANDS = {b"mif1", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}


def types(head: bytes) -> set[str]:
    """The types and file extensions that the first bytes may mean; some signatures are of two bytes only."""
    if head[:4] in ZIP_HEADS:
        return {"application/zip"}
    names = {name for match in _matches(head) for name in (match.mime_type, match.extension)}
    return (names | _unknown_to_puremagic(head)) - {""}


def certain_types(head: bytes) -> set[str]:
    """The types of signatures longer than two bytes; a text may begin with a shorter one by chance."""
    if head[:4] == ZIP_HEADS[0]:
        return {"application/zip"}
    return {match.mime_type for match in _matches(head) if len(match.byte_match) > 2} - {""}


def _matches(head: bytes) -> list[Any]:
    import puremagic

    try:
        return list(puremagic.magic_string(head))
    except (puremagic.PureError, ValueError):  # no signature, or no bytes
        return []


def _unknown_to_puremagic(head: bytes) -> set[str]:
    """The types of what puremagic does not name or names by its first brand alone (1.30, the last for Python 3.11)."""
    if head[4:8] == b"ftyp":
        return {"iso-media"} | _pictures_of_brands(head)
    if _begins_with_mpeg_frame(head):
        return {"audio/mpeg"}
    return {"image/tiff"} if head.startswith(b"II+\0") else set()  # of more than 4 GB (BigTIFF)


def _pictures_of_brands(head: bytes) -> set[str]:
    """The kinds of picture that a file of the ISO base media format may be by its brands (ISO 23008-12, 10)."""
    size = int.from_bytes(head[:4], "big")
    brands = {head[at : at + 4] for at in (8, *range(16, min(size, len(head)), 4)) if at < size}
    if brands & {b"avif", b"avis"} and head[8:11] != b"hei":
        return {"image/avif"}
    return {"image/heif"} if brands & _HEIF_BRANDS else set()


def _begins_with_mpeg_frame(head: bytes) -> bool:
    """Whether sound of MPEG 1, 2 or 2.5, layer II or III, begins without a tag before it (ISO 11172-3, 2.4.1.3)."""
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bit_rate, sample_rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer in (1, 2) and bit_rate != 15 and sample_rate != 3
