"""MLS groups in DynamoDB, beside the log: the seq of each commit, and the newest GroupInfo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from kernel.transactions import Transaction
from keys import large
from keys.store import _Part

COMMIT_LABEL = "commit"
_GROUP_INFO = "group_info"
_PER_STEP = 500


@dataclass(frozen=True, slots=True)
class StoredCommit:
    """The commit of an epoch: its seq in the log; `blob` holds its bytes if they are too large for the event."""

    epoch: int
    seq: int
    blob: str | None


@dataclass(frozen=True, slots=True)
class StoredGroupInfo:
    """The GroupInfo of an epoch, in `content` or, if it is large, in `blob`."""

    epoch: int
    content: bytes | None
    blob: str | None


class CommitRecord(_Part, table="keys"):
    epoch = NumberAttribute()
    seq = NumberAttribute()
    blob = UnicodeAttribute(null=True)


class GroupInfoRecord(_Part, table="keys"):
    epoch = NumberAttribute()
    content = BinaryAttribute(legacy_encoding=False, null=True)
    blob = UnicodeAttribute(null=True)


def _commit_part(epoch: int) -> str:
    return f"commit#{epoch:016d}"


def stage_commit(transaction: Transaction, conversation_id: str, stored: StoredCommit) -> None:
    """Save the one commit of an epoch (label `commit`)."""
    part = _commit_part(stored.epoch)
    row = CommitRecord(conversation_id, part, epoch=stored.epoch, seq=stored.seq, blob=stored.blob)
    transaction.put(COMMIT_LABEL, row, CommitRecord.owner.does_not_exist())


def commit_in(conversation_id: str, epoch: int) -> StoredCommit | None:
    row = CommitRecord.find(conversation_id, _commit_part(epoch))
    return None if row is None else StoredCommit(int(row.epoch), int(row.seq), row.blob)


def stage_group_info(transaction: Transaction, conversation_id: str, stored: StoredGroupInfo) -> None:
    row = GroupInfoRecord(conversation_id, _GROUP_INFO, epoch=stored.epoch, content=stored.content, blob=stored.blob)
    transaction.put("group-info", row)


def group_info(conversation_id: str) -> StoredGroupInfo | None:
    row = GroupInfoRecord.find(conversation_id, _GROUP_INFO)
    return None if row is None else StoredGroupInfo(int(row.epoch), row.content, row.blob)


def erase(conversation_id: str, _cursor: Any = None) -> bool | None:
    """Delete the group of an erased conversation; True while there may be more rows."""
    if CommitRecord.delete_found(conversation_id, limit=_PER_STEP) == _PER_STEP:
        return True
    large.delete_below(f"groups/{conversation_id}")
    return None
