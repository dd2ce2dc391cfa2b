"""What the bytes of a file really are."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive import media_types
from drive.uploads import contents
from tests.support.zips import zipped

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\0" * 40
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"


@pytest.mark.parametrize(
    ("declared", "head"),
    [
        ("image/png", PNG),
        ("image/jpeg", JPEG),
        ("video/mp4", MP4),
        ("audio/mp4", MP4),
        ("application/pdf", b"%PDF-1.7\n"),
        ("application/zip", zipped({"a": b"b"})),
        ("application/gzip", gzip.compress(b"a", mtime=0)),
        ("audio/mpeg", b"ID3\x03\x00" + b"\0" * 20),
        ("text/plain", b"hello"),
        ("text/plain", b"BMW is a car"),
        ("text/plain", b"MZ was an author"),
        ("application/json", b'{"a": 1}'),
        ("text/html", b"<!doctype html><html>"),
        ("application/octet-stream", PNG),
        ("image/png", b""),
    ],
)
def test_what_is_declared_right_passes(declared: str, head: bytes) -> None:
    assert contents.type_problem(declared, head) is None
    assert contents.polyglot_problem(declared, head, head if declared == "application/zip" else b"", len(head)) is None


@pytest.mark.parametrize("second", [0xFA, 0xFB, 0xF2, 0xF3, 0xE2, 0xE3, 0xFC, 0xFD, 0xF4, 0xF5])
def test_sound_of_each_mpeg_version_passes_without_a_tag_before_it(second: int) -> None:
    """Voices have fewer samples a second than music: MPEG 2 and 2.5 (ISO 13818-3); an even byte has a checksum."""
    assert contents.type_problem("audio/mpeg", bytes((0xFF, second, 0x54, 0xC4)) + bytes(60)) is None


@pytest.mark.attack
@pytest.mark.parametrize(
    "head", [b"\xff\xfeh\0i\0", b"\xff\xeb\x54\xc4", b"\xff\xf3\xf4\xc4", b"\xff\xf3\x5c\xc4", b"\xff\xf3"]
)
def test_what_only_begins_like_sound_of_mpeg_is_none(head: bytes) -> None:
    """Text in UTF-16, and a version, a bit rate and a sample rate that no frame may have."""
    assert contents.type_problem("audio/mpeg", head) == "type_mismatch"


def _branded(major: bytes, *others: bytes) -> bytes:
    """The beginning of a file of the ISO base media format with these brands (ISO 14496-12, 4.3)."""
    brands = b"".join((major, bytes(4), *others))
    return (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands + b"\0\0\1\0meta" + bytes(60)


@pytest.mark.parametrize(
    ("declared", "head"),
    [
        ("image/heic", _branded(b"mif1", b"mif1", b"heic", b"miaf")),
        ("image/heif", _branded(b"mif1", b"mif1", b"miaf")),
        ("image/heif", _branded(b"msf1", b"msf1", b"hevc")),
        ("image/avif", _branded(b"mif1", b"avif", b"mif1", b"miaf")),
        ("image/tiff", b"II+\0\x08\0\0\0"),
        ("image/tiff", b"MM\0+\0\x08\0\0"),
    ],
)
def test_a_picture_whose_kind_stands_behind_a_general_brand_passes(declared: str, head: bytes) -> None:
    assert contents.type_problem(declared, head) is None


@pytest.mark.attack
@pytest.mark.parametrize(
    ("declared", "head"),
    [
        ("image/heic", _branded(b"isom", b"mp42")),
        ("image/heic", _branded(b"mif1", b"avif")),
        ("image/avif", _branded(b"heic", b"mif1")),
        ("image/heic", _branded(b"isom") + b"heic"),
        ("image/heic", b"\0\0\0\0ftypmif1"),
    ],
)
def test_a_brand_of_another_kind_is_named(declared: str, head: bytes) -> None:
    assert contents.type_problem(declared, head) == "type_mismatch"


@pytest.mark.parametrize(
    "words",
    ["The new WAV files are here", "ID3;Name;Place", "RIFF is a format", "I I think so", "Rar! sagt er", "OggS"],
)
def test_text_may_begin_with_the_letters_of_a_signature(words: str) -> None:
    assert contents.type_problem("text/plain", f"{words}\n{'é' * 5_000}".encode()[:8_192]) is None


@pytest.mark.attack
@pytest.mark.parametrize(
    "head",
    [
        b"%PDF-1.7\n%text",
        b"{\\rtf1 text}",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"Rar!\x1a\7\0",
        b"OggS\0\2",
        b"ID3\4\0\0\xff\xfb",
    ],
)
def test_what_is_no_text_behind_those_letters_is_named(head: bytes) -> None:
    assert contents.type_problem("text/plain", head) == "type_mismatch"


@pytest.mark.attack
@pytest.mark.parametrize(
    ("declared", "head", "problem"),
    [
        ("image/png", JPEG, "type_mismatch"),
        ("image/png", b"hello", "type_mismatch"),
        ("text/plain", PNG, "type_mismatch"),
        ("text/plain", b"%PDF-1.7\n", "type_mismatch"),
        ("text/csv", zipped({"a": b"b"}), "type_mismatch"),
        ("application/pdf", zipped({"a": b"b"}), "type_mismatch"),
        ("application/octet-stream", b"\x7fELF\x02\x01\x01" + b"\0" * 60, "executable"),
        ("text/plain", b"MZ\x90\0" + b"\0" * 60 + b"PE\0\0", "executable"),
    ],
)
def test_what_is_declared_wrong_is_named(declared: str, head: bytes, problem: str) -> None:
    assert contents.type_problem(declared, head) == problem


@pytest.mark.attack
def test_a_picture_that_is_an_archive_too_is_a_polyglot() -> None:
    both = PNG + zipped({"evil.class": b"x" * 100})
    assert contents.polyglot_problem("image/png", both[:8192], both[-66_000:], len(both)) == "polyglot"
    for hidden in (b"%PDF-1.4", b"<script>alert(1)</script>", b"<?php"):
        assert contents.polyglot_problem("image/png", PNG + hidden, b"", 100) == "polyglot"


@given(st.binary(max_size=2_000), st.sampled_from(sorted(media_types._CATEGORY)))
def test_any_bytes_get_an_answer(head: bytes, declared: str) -> None:
    contents.type_problem(declared, head)
    contents.polyglot_problem(declared, head, head, len(head))


@pytest.mark.parametrize(
    ("head", "tail", "measured"),
    [
        (zipped({"a": b"b"}), b"", (True, False)),
        (b"something before" + zipped({"a": b"b"}), zipped({"a": b"b"}), (True, False)),
        (b"PK\5\6" + bytes(18), b"", (True, False)),
        (gzip.compress(b"a", mtime=0), b"", (False, True)),
        (PNG, b"", (False, False)),
        (b"PK is a chemist's abbreviation", b"", (False, False)),
        (b"", b"", (False, False)),
    ],
)
def test_arbitrary_bytes_are_measured_by_their_signature(head: bytes, tail: bytes, measured: tuple[bool, bool]) -> None:
    declared, size = "application/octet-stream", len(head)
    assert (contents.holds_zip(declared, head, tail, size), contents.holds_gzip(declared, head)) == measured
    assert (contents.holds_zip("image/png", head, tail, size), contents.holds_gzip("image/png", head)) == (
        False,
        False,
    )


def test_arbitrary_bytes_need_be_no_archive() -> None:
    assert contents.verdict("application/octet-stream", "type_mismatch") is None
    assert contents.verdict("application/octet-stream", "archive_bomb") == "archive_bomb"
    assert contents.verdict("application/zip", "type_mismatch") == "type_mismatch"
    assert contents.verdict("application/zip", None) is None
