"""Judges whether a file is of its declared type and of no other: by its first and its last bytes.

Which types the first bytes may mean is read by `signatures`; archives are read by `archives`.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping

from drive.uploads import signatures

HEAD_BYTES = 8 * 1024
TAIL_BYTES = 66 * 1024  # a ZIP's end record and its longest comment

_ZIP, _OLE = frozenset({"application/zip"}), frozenset({"application/msword", ".doc", ".xls", ".ppt"})
_ISO = frozenset({"iso-media"})
_OFFICE = "application/vnd.openxmlformats-officedocument."
# For each declared type the types or extensions that `signatures` gives for it. Types without an entry
# (texts, arbitrary bytes) have no signature.
_SIGNATURES: Mapping[str, frozenset[str]] = {
    "image/jpeg": frozenset({"image/jpeg"}),
    "image/png": frozenset({"image/png"}),
    "image/gif": frozenset({"image/gif"}),
    "image/webp": frozenset({"image/webp"}),
    "image/avif": frozenset({"image/avif"}),
    "image/heic": frozenset({"image/heif", "image/heic"}),
    "image/heif": frozenset({"image/heif", "image/heic"}),
    "image/bmp": frozenset({"image/x-ms-bmp", "image/bmp"}),
    "image/tiff": frozenset({"image/tiff"}),
    "video/mp4": _ISO,
    "video/quicktime": _ISO | {"video/quicktime"},
    "video/webm": frozenset({"video/webm"}),
    "video/x-matroska": frozenset({"video/webm", "video/x-matroska", "application/x-matroska"}),
    "video/mpeg": frozenset({"video/mpeg"}),
    "video/x-msvideo": frozenset({"video/x-msvideo", "video/avi"}),
    "audio/mpeg": frozenset({"audio/mpeg", ".mp3"}),
    "audio/mp4": _ISO,
    "audio/aac": frozenset({"audio/aac", ".aac"}),
    "audio/ogg": frozenset({"application/ogg", "audio/ogg", ".ogg"}),
    "audio/opus": frozenset({"application/ogg", "audio/ogg", ".ogg"}),
    "audio/wav": frozenset({"audio/wave", "audio/x-wav"}),
    "audio/x-wav": frozenset({"audio/wave", "audio/x-wav"}),
    "audio/webm": frozenset({"video/webm"}),
    "audio/flac": frozenset({"audio/flac"}),
    "audio/x-flac": frozenset({"audio/flac"}),
    "application/pdf": frozenset({"application/pdf"}),
    "application/msword": _OLE,
    "application/vnd.ms-excel": _OLE,
    "application/vnd.ms-powerpoint": _OLE,
    f"{_OFFICE}wordprocessingml.document": _ZIP,
    f"{_OFFICE}spreadsheetml.sheet": _ZIP,
    f"{_OFFICE}presentationml.presentation": _ZIP,
    "application/vnd.oasis.opendocument.text": _ZIP,
    "application/vnd.oasis.opendocument.spreadsheet": _ZIP,
    "application/vnd.oasis.opendocument.presentation": _ZIP,
    "application/epub+zip": _ZIP,
    "application/rtf": frozenset({"application/rtf"}),
    "text/rtf": frozenset({"application/rtf"}),
    "application/zip": _ZIP,
    "application/x-zip-compressed": _ZIP,
    "application/gzip": frozenset({"application/x-gzip", "application/gzip"}),
    "application/x-gzip": frozenset({"application/x-gzip", "application/gzip"}),
    "application/x-tar": frozenset({"application/x-tar"}),
    "application/x-7z-compressed": frozenset({"application/x-7z-compressed"}),
    "application/vnd.rar": frozenset({"application/vnd.rar"}),
    "application/x-rar-compressed": frozenset({"application/vnd.rar"}),
}
_ANY_SIGNATURE = frozenset().union(*_SIGNATURES.values())
_ZIP_TYPES = frozenset(mime for mime, found in _SIGNATURES.items() if found == _ZIP)
_GZIP_TYPES = ("application/gzip", "application/x-gzip")
_GZIP_HEAD = b"\x1f\x8b\x08"  # with DEFLATE, the only defined method (RFC 1952)
_ANYTHING = "application/octet-stream"
_PROGRAMS = (
    b"\x7fELF",
    b"\xca\xfe\xba\xbe",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
)
_SIGNED_PROSE = (b"%PDF", b"\r\n%PDF", b"{\\rtf")
_MARKUP = (b"<html", b"<script", b"<!doctype html", b"<?php", b"<iframe")
# types that may legitimately contain markup or a PDF header
_TEXTS = ("text/", "application/json", "application/xml", "image/svg+xml")


def holds_zip(declared: str, head: bytes, tail: bytes, size: int) -> bool:
    """Whether a file has to be checked as a ZIP: by its declared type, or by the signature of arbitrary bytes."""
    return declared in _ZIP_TYPES or (
        declared == _ANYTHING and (head[:4] in signatures.ZIP_HEADS or _ends_as_zip(tail, size))
    )


def holds_gzip(declared: str, head: bytes) -> bool:
    """Whether a file has to be checked as gzip: by its declared type, or by the signature of arbitrary bytes."""
    return declared in _GZIP_TYPES or (declared == _ANYTHING and head.startswith(_GZIP_HEAD))


def verdict(declared: str, problem: str | None) -> str | None:
    """The problem of an archive; arbitrary bytes need not be a valid one."""
    return None if declared == _ANYTHING and problem == "type_mismatch" else problem


def type_problem(declared: str, head: bytes) -> str | None:
    """`executable` or `type_mismatch` if the bytes are not of the declared type, else None. No bytes fit any type."""
    if not head:
        return None
    if head.startswith(_PROGRAMS) or (head.startswith(b"MZ") and b"PE\0\0" in head[:2048]):
        return "executable"
    expected = _SIGNATURES.get(declared)
    if expected is not None:
        return None if expected & signatures.types(head) else "type_mismatch"
    if (
        declared != _ANYTHING
        and len(head) > 2
        and not _is_prose(head)
        and _ANY_SIGNATURE & signatures.certain_types(head)
    ):
        return "type_mismatch"  # e.g. a declared text with the signature of an image
    return None


def _is_prose(head: bytes) -> bool:
    """Whether these bytes are UTF-8 without control characters, as no file of the other types is but PDF and RTF."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return not head.startswith(_SIGNED_PROSE) and not any(char < " " and char not in "\t\n\f\r" for char in text)


def polyglot_problem(declared: str, head: bytes, tail: bytes, size: int) -> str | None:
    """`polyglot` for a file with a ZIP at its end, or a PDF header or markup at its beginning, else None."""
    if declared == _ANYTHING or not head:
        return None
    if declared not in _ZIP_TYPES and _ends_as_zip(tail, size):
        return "polyglot"
    if declared.startswith(_TEXTS) or declared in ("application/rtf",):
        return None
    if declared != "application/pdf" and declared not in _ZIP_TYPES and b"%PDF-" in head[:1024]:
        return "polyglot"
    if declared.startswith(("image/", "audio/", "video/")) and any(mark in head[:1024].lower() for mark in _MARKUP):
        return "polyglot"
    return None


def _ends_as_zip(tail: bytes, size: int) -> bool:
    """Whether the file ends with a consistent end-of-central-directory record of a ZIP."""
    at = tail.rfind(b"PK\x05\x06")
    while at >= 0:
        record = tail[at : at + 22]
        if len(record) == 22:
            entries = int.from_bytes(record[10:12], "little")
            length = int.from_bytes(record[12:16], "little")
            comment = int.from_bytes(record[20:22], "little")
            behind = len(tail) - at - 22
            before = size - (len(tail) - at)
            if comment == behind and 0 < entries * 46 <= length <= before:
                return True
        at = tail.rfind(b"PK\x05\x06", 0, at)
    return False
