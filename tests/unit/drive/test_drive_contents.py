"""What bytes really are, archives that would burst, and the antivirus port."""

from __future__ import annotations

import gzip
import io
import socket
import struct
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive import media_types, model
from drive.uploads import antivirus, archives, contents
from kernel import blobs, config
from kernel.blobs import Blob
from kernel.errors import DependencyUnavailable, UnsupportedMediaType, ValidationFailed
from tests.support import clamd

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\0" * 40
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"


def _zip(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("declared", "head"),
    [
        ("image/png", PNG),
        ("image/jpeg", JPEG),
        ("video/mp4", MP4),
        ("audio/mp4", MP4),
        ("application/pdf", b"%PDF-1.7\n"),
        ("application/zip", _zip({"a": b"b"})),
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
        ("text/csv", _zip({"a": b"b"}), "type_mismatch"),
        ("application/pdf", _zip({"a": b"b"}), "type_mismatch"),
        ("application/octet-stream", b"\x7fELF\x02\x01\x01" + b"\0" * 60, "executable"),
        ("text/plain", b"MZ\x90\0" + b"\0" * 60 + b"PE\0\0", "executable"),
    ],
)
def test_what_is_declared_wrong_is_named(declared: str, head: bytes, problem: str) -> None:
    assert contents.type_problem(declared, head) == problem


@pytest.mark.attack
def test_a_picture_that_is_an_archive_too_is_a_polyglot() -> None:
    both = PNG + _zip({"evil.class": b"x" * 100})
    assert contents.polyglot_problem("image/png", both[:8192], both[-66_000:], len(both)) == "polyglot"
    for hidden in (b"%PDF-1.4", b"<script>alert(1)</script>", b"<?php"):
        assert contents.polyglot_problem("image/png", PNG + hidden, b"", 100) == "polyglot"


@given(st.binary(max_size=2_000), st.sampled_from(sorted(media_types._CATEGORY)))
def test_any_bytes_get_an_answer(head: bytes, declared: str) -> None:
    contents.type_problem(declared, head)
    contents.polyglot_problem(declared, head, head, len(head))


# --- archives -------------------------------------------------------------------------------------------------


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], str | None]:
    """What the check of ZIPs says of bytes, which it reads in ranges."""

    def look(content: bytes) -> str | None:
        def read(_blob: Blob, first: int, length: int) -> bytes:
            return content[first : first + length]

        monkeypatch.setattr(blobs, "read", read)
        return archives.zip_problem(Blob("k", "v", len(content)))

    return look


@pytest.mark.parametrize("coding", ["utf-8", "cp866", "cp1251", "koi8-r"])
def test_an_archive_with_names_in_a_code_page_is_none_that_bursts(
    looked_at: Callable[[bytes], str | None], coding: str
) -> None:
    """Windows writes names in the system's code page, and a Mac in UTF-8 without the flag that says so."""
    names = [f"Отчёт за ноябрь {n}.txt" for n in range(3)]
    plain = {f"{n}".rjust(len(name.encode(coding)), "x"): name.encode(coding) for n, name in enumerate(names)}
    content = _zip(dict.fromkeys(plain, b"x"))
    for ascii_name, coded in plain.items():
        content = content.replace(ascii_name.encode(), coded)
    assert looked_at(content) is None


def test_an_ordinary_archive_passes(looked_at: Callable[[bytes], str | None]) -> None:
    assert looked_at(_zip({"a.txt": b"hello", "b.txt": b"world" * 1000})) is None


@pytest.mark.attack
def test_an_archive_that_would_burst_is_refused(looked_at: Callable[[bytes], str | None]) -> None:
    assert looked_at(_zip({str(number): bytes(10 * 1024**2) for number in range(12)})) == "archive_bomb"


@pytest.mark.attack
def test_entries_that_share_bytes_are_refused(looked_at: Callable[[bytes], str | None]) -> None:
    content = _zip({"a": b"x" * 300, "b": b"y" * 300})
    at = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4)  # the second entry of the directory
    overlapping = content[: at + 42] + bytes(4) + content[at + 46 :]  # points at the first one's bytes
    assert looked_at(overlapping) == "archive_bomb"


@pytest.mark.attack
def test_what_is_no_archive_is_refused(looked_at: Callable[[bytes], str | None]) -> None:
    assert looked_at(b"PK\x03\x04 and nothing more") == "type_mismatch"


def _zip64_end(directory_bytes: int, *, at: int) -> bytes:
    """The end of a ZIP64 whose directory of that size begins at a position; the short record says nothing of it."""
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, directory_bytes, at)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at + directory_bytes, 1)
    return record + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 0, 0, 0)


def test_a_directory_that_fills_the_memory_is_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    directory = archives.DIRECTORY_MAX_BYTES + 1
    end, asked = _zip64_end(directory, at=0), []

    def read(_blob: Blob, first: int, length: int) -> bytes:
        asked.append(min(length, directory + len(end) - first))
        return bytes(max(0, min(directory, first + length) - first)) + end[max(0, first - directory) :][:length]

    monkeypatch.setattr(blobs, "read", read)
    assert archives.zip_problem(Blob("k", "v", directory + len(end))) == "archive_bomb"
    assert sum(asked) < 2 * 1024**2


def test_a_zip64_that_leaves_the_short_record_empty_is_an_archive(looked_at: Callable[[bytes], str | None]) -> None:
    packed = _zip({"a": b"hello"})
    at = packed.index(b"PK\1\2")
    directory = packed[at : packed.index(b"PK\5\6")]
    content = packed[:at] + directory + _zip64_end(len(directory), at=at)[:-22]
    assert looked_at(content + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)) is None


@given(st.data())
def test_an_archive_with_any_byte_changed_gets_an_answer(data: st.DataObject) -> None:
    content = bytearray(_zip({"a": b"x" * 300, "b": b"y" * 300}))
    if data.draw(st.booleans()):
        content[-22:] = _zip64_end(len(content) - 22, at=0)
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[data.draw(st.integers(0, 60)) : len(content) - data.draw(st.integers(0, 30))])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(blobs, "read", lambda _blob, first, length: cut[first : first + length])
        assert archives.zip_problem(Blob("k", "v", len(cut))) in (None, "type_mismatch", "archive_bomb")


@pytest.mark.parametrize(
    ("head", "tail", "measured"),
    [
        (_zip({"a": b"b"}), b"", (True, False)),
        (b"something before" + _zip({"a": b"b"}), _zip({"a": b"b"}), (True, False)),
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
    assert (contents.holds_zip("image/png", head, tail, size), contents.holds_gzip("image/png", head)) == (False, False)


def test_arbitrary_bytes_need_be_no_archive() -> None:
    assert contents.verdict("application/octet-stream", "type_mismatch") is None
    assert contents.verdict("application/octet-stream", "archive_bomb") == "archive_bomb"
    assert contents.verdict("application/zip", "type_mismatch") == "type_mismatch"
    assert contents.verdict("application/zip", None) is None


def test_a_gzip_is_measured_while_it_passes() -> None:
    def problem(content: bytes) -> str | None:
        meter = archives.GzipMeter()
        for first in range(0, len(content), 1000):
            meter.feed(content[first : first + 1000])
        return meter.problem

    assert problem(gzip.compress(b"hello" * 1000)) is None
    assert problem(gzip.compress(bytes(150 * 1024**2))) == "archive_bomb"
    assert problem(b"\x1f\x8b\x08 no gzip") == "type_mismatch"


@pytest.mark.parametrize("step", [1, 7, 1000, 10**9])
def test_every_member_of_a_gzip_is_measured(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def problem(content: bytes) -> str | None:
        meter = archives.GzipMeter()
        for first in range(0, len(content), step):
            meter.feed(content[first : first + step])
        return meter.problem

    monkeypatch.setattr(archives, "HARMLESS_BYTES", 1024**2)
    small = gzip.compress(b"hello")
    assert problem(small * 3) is None
    assert problem(small + bytes(512)) is None
    assert problem(small + b"something else") is None
    assert problem(small + gzip.compress(bytes(2 * 1024**2))) == "archive_bomb"
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    assert problem(small * 4) == "archive_bomb"


# --- antivirus ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "verdict"), [(b"harmless", "clean"), (b"a virus", "infected")])
def test_clamd_is_asked_in_a_stream(content: bytes, verdict: str) -> None:
    with clamd.running() as present:
        scanner = antivirus.Clamd("127.0.0.1", present.port)
        scanner.feed(content)
        assert scanner.verdict(Blob("k", "v", len(content))) == verdict
    assert present.heard == [content]


def test_a_clamd_that_is_away_is_a_dependency_that_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DependencyUnavailable):
        antivirus.Clamd("127.0.0.1", port)


@pytest.mark.parametrize("setting", ["clamd", "clamd:host", "clamd:host:x", "other"])
def test_a_wrong_setting_of_the_antivirus_is_named(settings: pytest.MonkeyPatch, setting: str) -> None:
    settings.setenv("ANTIVIRUS", setting)
    config.config.cache_clear()
    with pytest.raises(config.ConfigurationError, match="ANTIVIRUS"):
        antivirus.scanner()


# --- rules ----------------------------------------------------------------------------------------------------


def test_parts_cover_a_file_exactly() -> None:
    for size in (16 * model.MIB + 1, 300 * model.MIB, model.GIB, model.GIB + 1, 5 * model.GIB):
        sizes = model.part_sizes(size)
        assert sum(sizes) == size
        assert len(sizes) <= 1_000
        assert all(each >= 5 * model.MIB for each in sizes[:-1])


@given(st.text(max_size=300))
def test_any_name_is_taken_or_refused(name: str) -> None:
    try:
        taken = model.require_name(name)
    except ValidationFailed:
        return
    assert "/" not in taken
    assert "\\" not in taken
    assert taken.isprintable() or not any(ord(char) < 32 for char in taken)


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("audio/x-m4a", "audio/mp4"),  # Chromium, of a voice memo of an iPhone
        ("audio/mp4a-latm", "audio/mp4"),
        ("video/matroska", "video/x-matroska"),  # the registered name (RFC 9559)
        ("audio/matroska", "video/x-matroska"),
        ("video/x-m4v", "video/mp4"),
        ("video/3gpp", "video/mp4"),
        ("Audio/MP3", "audio/mpeg"),
        ("audio/vnd.dlna.adts", "audio/aac"),  # Chromium on Windows
        ("image/jpg", "image/jpeg"),
        ("image/heic-sequence", "image/heic"),
        ("application/x-rar", "application/vnd.rar"),
        ("text/tab-separated-values", "text/plain"),
        ("text/x-log", "text/plain"),
        ("text/x-vcard", "text/vcard"),
    ],
)
def test_a_type_may_have_the_names_that_browsers_give_it(named: str, meant: str) -> None:
    assert media_types.require_type(named) == meant


def test_a_table_of_commas_is_no_workbook_where_excel_has_named_it() -> None:
    """Chromium on Windows takes the type of .csv from the registry, where Excel has written its own."""
    assert media_types.require_type("application/vnd.ms-excel", "Members.CSV") == "text/csv"
    assert media_types.require_type("application/vnd.ms-excel", "members.xls") == "application/vnd.ms-excel"
    assert media_types.require_type("application/pdf", "members.csv") == "application/pdf"


def test_types_are_taken_without_parameters_and_case() -> None:
    assert media_types.require_type("Text/Plain; charset=utf-8") == "text/plain"
    with pytest.raises(UnsupportedMediaType):
        media_types.require_type("application/x-sh")


def test_what_a_browser_might_run_is_served_as_bytes() -> None:
    assert (
        media_types.served_type("text/html") == media_types.served_type("image/svg+xml") == "application/octet-stream"
    )
    assert media_types.served_type("image/png") == "image/png"
