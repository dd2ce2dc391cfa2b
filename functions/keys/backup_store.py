"""Where the backup of a person's keys is kept."""

from __future__ import annotations

from dataclasses import dataclass

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from kernel.dynamo import TableName
from keys.store import _Part

_PART = "backup"


@dataclass(frozen=True, slots=True)
class Kept:
    """The blob that holds a backup, the size of its ciphertext in bytes, and when it came."""

    blob: str
    size: int
    at: int


class BackupRecord(_Part):
    class Meta:
        table_name = TableName("keys")

    blob = UnicodeAttribute()
    size = NumberAttribute()
    at = NumberAttribute()


def _kept(row: BackupRecord) -> Kept:
    return Kept(row.blob, int(row.size), int(row.at))


def find(user_id: str) -> Kept | None:
    row = BackupRecord.find(user_id, _PART)
    return None if row is None else _kept(row)


def replace(user_id: str, kept: Kept) -> Kept | None:
    """Keep another backup; returns the one before."""
    before = find(user_id)
    BackupRecord(user_id, _PART, blob=kept.blob, size=kept.size, at=kept.at).save()
    return before


def remove(user_id: str) -> Kept | None:
    """Forget a backup; returns the one that was there."""
    before = find(user_id)
    if before is not None:
        BackupRecord(user_id, _PART).delete()
    return before
