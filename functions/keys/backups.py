"""The backup of a person's keys: made and encrypted by their client, kept as it came. One for each person, 1 MB."""

from __future__ import annotations

from typing import Any

from kernel import blobs, clock, ids
from kernel.caller import Caller
from kernel.errors import NotFound, PayloadTooLarge
from keys import backup_store
from keys.backup_store import Kept
from keys.model import MAX_BACKUP_BYTES


def put(*, caller: Caller, ciphertext_bytes: int, document: str) -> Kept:
    """Keep a backup in place of an earlier one; raises PayloadTooLarge above 1 MB of ciphertext."""
    if ciphertext_bytes > MAX_BACKUP_BYTES:
        raise PayloadTooLarge("A backup has at most 1 MB.")
    kept = Kept(f"keys/backups/{caller.user_id}/{ids.new('bak')}", ciphertext_bytes, clock.now())
    blobs.put(kept.blob, document.encode(), content_type="application/json")
    before = backup_store.replace(caller.user_id, kept)
    if before is not None:
        blobs.remove(before.blob)
    return kept


def get(*, caller: Caller) -> Any:
    """The document of the caller's backup; raises NotFound."""
    kept = backup_store.find(caller.user_id)
    blob = None if kept is None else blobs.find(kept.blob)
    if blob is None:
        raise NotFound("There is no backup.")
    return blobs.read(blob, 0, blob.size).decode()


def remove(*, caller: Caller) -> None:
    """Delete the caller's backup; none there is fine."""
    before = backup_store.remove(caller.user_id)
    if before is not None:
        blobs.remove(before.blob)
