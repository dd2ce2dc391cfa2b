"""Archives that would burst, or are none."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive.uploads import archives
from kernel import blobs
from kernel.blobs import Blob
from tests.support.zips import zipped


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
    content = zipped(dict.fromkeys(plain, b"x"))
    for ascii_name, coded in plain.items():
        content = content.replace(ascii_name.encode(), coded)
    assert looked_at(content) is None


def test_an_ordinary_archive_passes(looked_at: Callable[[bytes], str | None]) -> None:
    assert looked_at(zipped({"a.txt": b"hello", "b.txt": b"world" * 1000})) is None


@pytest.mark.attack
def test_an_archive_that_would_burst_is_refused(looked_at: Callable[[bytes], str | None]) -> None:
    assert looked_at(zipped({str(number): bytes(10 * 1024**2) for number in range(12)})) == "archive_bomb"


@pytest.mark.attack
def test_entries_that_share_bytes_are_refused(looked_at: Callable[[bytes], str | None]) -> None:
    content = zipped({"a": b"x" * 300, "b": b"y" * 300})
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
    packed = zipped({"a": b"hello"})
    at = packed.index(b"PK\1\2")
    directory = packed[at : packed.index(b"PK\5\6")]
    content = packed[:at] + directory + _zip64_end(len(directory), at=at)[:-22]
    assert looked_at(content + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)) is None


@given(st.data())
def test_an_archive_with_any_byte_changed_gets_an_answer(data: st.DataObject) -> None:
    content = bytearray(zipped({"a": b"x" * 300, "b": b"y" * 300}))
    if data.draw(st.booleans()):
        content[-22:] = _zip64_end(len(content) - 22, at=0)
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[data.draw(st.integers(0, 60)) : len(content) - data.draw(st.integers(0, 30))])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(blobs, "read", lambda _blob, first, length: cut[first : first + length])
        assert archives.zip_problem(Blob("k", "v", len(cut))) in (None, "type_mismatch", "archive_bomb")


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
