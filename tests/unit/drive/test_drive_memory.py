"""The intake holds a range of a file at a time: its memory does not grow with the file."""

from __future__ import annotations

import hashlib
import tracemalloc

import pytest

from drive.model import MIB, PendingUpload
from drive.uploads import intake
from kernel import blobs
from kernel.blobs import CHUNK_BYTES, Blob


def _upload(size: int, sha256: str) -> PendingUpload:
    return PendingUpload(
        "upl_1", "fil_1", "usr_1", "usr_1", "c", 1, "a", size, "application/octet-stream", sha256, "processing", 0
    )


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("mib", [32, 300])
def test_memory_stays_flat_in_the_size_of_a_file(monkeypatch: pytest.MonkeyPatch, mib: int) -> None:
    size = mib * MIB

    def read(_blob: Blob, first: int, length: int) -> bytes:
        return bytes(min(length, size - first))

    monkeypatch.setattr(blobs, "read", read)
    digest = hashlib.sha256()
    for _ in range(mib):
        digest.update(bytes(MIB))
    tracemalloc.start()
    try:
        found = intake._examine(Blob("k", "v", size), _upload(size, digest.hexdigest()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == (None, "clean")
    assert peak < 3 * CHUNK_BYTES
