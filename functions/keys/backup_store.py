"""Backups of keys in DynamoDB: a row per person that refers to a blob."""

from __future__ import annotations

from dataclasses import dataclass

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from keys.store import _Part

_PART = "backup"


@dataclass(frozen=True, slots=True)
class StoredBackup:
    """The key of a backup's blob, the size of its ciphertext in bytes, and the time of its upload (ms)."""

    blob: str
    size: int
    at: int


class BackupRecord(_Part, table="keys"):
    blob = UnicodeAttribute()
    size = NumberAttribute()
    at = NumberAttribute()


def _stored(row: BackupRecord) -> StoredBackup:
    return StoredBackup(row.blob, int(row.size), int(row.at))


def find(user_id: str) -> StoredBackup | None:
    row = BackupRecord.find(user_id, _PART)
    return None if row is None else _stored(row)


def save(user_id: str, stored: StoredBackup) -> StoredBackup | None:
    """Save a backup; returns the previous one."""
    previous = find(user_id)
    BackupRecord(user_id, _PART, blob=stored.blob, size=stored.size, at=stored.at).save()
    return previous


def delete(user_id: str) -> StoredBackup | None:
    """Delete a backup; returns it."""
    previous = find(user_id)
    if previous is not None:
        BackupRecord(user_id, _PART).delete()
    return previous
