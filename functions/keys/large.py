"""MLS messages that are too large for a row, stored as blobs."""

from __future__ import annotations

from kernel import blobs, ids
from kernel.errors import NotFound
from keys.model import INLINE_BYTES

_TYPE = "application/octet-stream"


def put_if_large(content: bytes, *, folder: str) -> str | None:
    """Save bytes as a blob below keys/`folder` and return its key; None if they are small enough for a row."""
    if len(content) <= INLINE_BYTES:
        return None
    key = f"keys/{folder}/{ids.new('mls')}"
    blobs.put(key, content, content_type=_TYPE)
    return key


def get(content: bytes | None, key: str | None) -> bytes:
    """The bytes of a row or of its blob; raises NotFound if the blob is deleted."""
    if content is not None:
        return content
    blob = None if key is None else blobs.find(key)
    if blob is None:
        raise NotFound
    return blobs.read(blob, 0, blob.size)


def delete(*keys: str | None) -> None:
    """Delete blobs that nothing refers to."""
    for key in keys:
        if key is not None:
            blobs.remove(key)


def delete_below(folder: str) -> None:
    """Delete every blob below keys/`folder`, with all versions."""
    blobs.remove_below(f"keys/{folder}/")
