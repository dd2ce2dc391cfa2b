"""Detection of archive bombs, by a ZIP's directory and by unpacking a gzip file in bounded memory."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from kernel import blobs
from kernel.blobs import Blob

MAX_RATIO = 200  # DEFLATE reaches 1,032; texts rarely 50
MAX_UNPACKED_BYTES = 20 * 1024**3
HARMLESS_BYTES = 100 * 1024**2  # unpacked bytes that are accepted at any ratio
MAX_ENTRIES = 100_000
MAX_MEMBERS = 1_000_000  # of a gzip file; bgzip makes one per 64 KiB
DIRECTORY_MAX_BYTES = 32 * 1024**2  # of a ZIP; zipfile reads it into memory at once
_BUFFER_BYTES = 256 * 1024
_PIECE_BYTES = 64 * 1024


class _Remote(io.RawIOBase):
    """A blob as a seekable file, for zipfile."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._blob.size}[whence]
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        found = blobs.read(self._blob, self._at, len(buffer))
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


class _DirectoryTooLarge(Exception):
    """The directory of a ZIP exceeds `DIRECTORY_MAX_BYTES`."""


class _Reader(io.BufferedReader):
    """Refuses a single read above `DIRECTORY_MAX_BYTES`: zipfile does such reads only for directories."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > DIRECTORY_MAX_BYTES:
            raise _DirectoryTooLarge
        return super().read(size)


def zip_problem(blob: Blob) -> str | None:
    """`archive_bomb` for too much content or overlapping entries, `type_mismatch` for no archive, else None."""
    try:
        with zipfile.ZipFile(_Reader(_Remote(blob), _BUFFER_BYTES)) as archive:
            entries = archive.infolist()
    except _DirectoryTooLarge:
        return "archive_bomb"
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, struct.error):
        return "type_mismatch"
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if len(entries) > MAX_ENTRIES or unpacked > MAX_UNPACKED_BYTES:
        return "archive_bomb"
    if unpacked > HARMLESS_BYTES and unpacked > MAX_RATIO * max(1, blob.size):
        return "archive_bomb"
    if packed > blob.size or _share_bytes(entries):
        return "archive_bomb"  # entries that overlap: D. Fifield, A better zip bomb
    return None


def _share_bytes(entries: list[zipfile.ZipInfo]) -> bool:
    end = 0
    for entry in sorted(entries, key=lambda each: each.header_offset):
        if entry.header_offset < end:
            return True
        end = entry.header_offset + 30 + _name_bytes(entry) + entry.compress_size
    return False


def _name_bytes(entry: zipfile.ZipInfo) -> int:
    """The length of the name in the file: zipfile reads names without the flag for UTF-8 as code page 437."""
    return len(entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437"))


class GzipMeter:
    """Measures the unpacked size of a gzip stream, 256 KiB at a time; `problem` is as in `zip_problem`.

    A file may have several members (RFC 1952, 2.2); bytes after the last one are ignored, as unpackers do.
    """

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)
        self._in = self._out = 0
        self._members = 1
        self._over = False
        self.problem: str | None = None

    def feed(self, chunk: bytes) -> None:
        self._in += len(chunk)
        for first in range(0, len(chunk), _PIECE_BYTES):  # small pieces, because each member copies the rest of one
            self._feed(chunk[first : first + _PIECE_BYTES])

    def _feed(self, piece: bytes) -> None:
        pending = piece
        while pending and self.problem is None and not self._over:
            if self._stream.eof:
                self._stream = zlib.decompressobj(wbits=31)
                self._members += 1
            try:
                self._out += len(self._stream.decompress(pending, _BUFFER_BYTES))
            except zlib.error:
                self._over = self._members > 1
                self.problem = None if self._over else "type_mismatch"
                return
            pending = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            unpacks_much = self._out > HARMLESS_BYTES and self._out > MAX_RATIO * self._in
            if self._out > MAX_UNPACKED_BYTES or unpacks_much or self._members > MAX_MEMBERS:
                self.problem = "archive_bomb"
