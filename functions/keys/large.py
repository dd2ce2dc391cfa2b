"""Bytes of the group protocol that are too large for a row: kept as blobs, never looked into."""

from __future__ import annotations

from kernel import blobs, ids
from kernel.errors import NotFound
from keys.model import INLINE_BYTES

_TYPE = "application/octet-stream"


def put_if_large(content: bytes, *, folder: str) -> str | None:
    """The key of the blob below keys/`folder` that holds this now; None where it is small enough to stand in a row."""
    if len(content) <= INLINE_BYTES:
        return None
    key = f"keys/{folder}/{ids.new('mls')}"
    blobs.put(key, content, content_type=_TYPE)
    return key


def get(content: bytes | None, key: str | None) -> bytes:
    """What stands in the row or in its blob; raises NotFound where that has gone."""
    if content is not None:
        return content
    blob = None if key is None else blobs.find(key)
    if blob is None:
        raise NotFound
    return blobs.read(blob, 0, blob.size)


def drop(*keys: str | None) -> None:
    """Delete blobs that nothing refers to."""
    for key in keys:
        if key is not None:
            blobs.remove(key)


def drop_below(folder: str) -> None:
    """Delete every blob below keys/`folder`, for good."""
    blobs.remove_below(f"keys/{folder}/")
