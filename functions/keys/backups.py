"""Backups of keys, encrypted by the client: one per person, of at most 1 MB."""

from __future__ import annotations

from typing import Any

from kernel import blobs, clock, ids
from kernel.caller import Caller
from kernel.errors import NotFound, PayloadTooLarge
from keys import backup_store
from keys.backup_store import StoredBackup
from keys.model import MAX_BACKUP_BYTES


def put(*, caller: Caller, ciphertext_bytes: int, document: str) -> StoredBackup:
    """Save a backup in place of an earlier one; raises PayloadTooLarge above 1 MB of ciphertext."""
    if ciphertext_bytes > MAX_BACKUP_BYTES:
        raise PayloadTooLarge("A backup has at most 1 MB.")
    stored = StoredBackup(f"keys/backups/{caller.user_id}/{ids.new('bak')}", ciphertext_bytes, clock.now())
    blobs.put(stored.blob, document.encode(), content_type="application/json")
    previous = backup_store.save(caller.user_id, stored)
    if previous is not None:
        blobs.remove(previous.blob)
    return stored


def get(*, caller: Caller) -> Any:
    """The document of the caller's backup; raises NotFound."""
    stored = backup_store.find(caller.user_id)
    blob = None if stored is None else blobs.find(stored.blob)
    if blob is None:
        raise NotFound("There is no backup.")
    return blobs.read(blob, 0, blob.size).decode()


def remove(*, caller: Caller) -> None:
    """Delete the caller's backup, if there is one."""
    previous = backup_store.delete(caller.user_id)
    if previous is not None:
        blobs.remove(previous.blob)
