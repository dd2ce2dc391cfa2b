"""What is kept of a conversation's MLS group beside its log: where each commit stands, and the newest GroupInfo."""

from __future__ import annotations

from dataclasses import dataclass

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from kernel.dynamo import TableName, Transaction
from keys import large
from keys.store import _Part

COMMIT_LABEL = "commit"
_GROUP_INFO = "group_info"
_PER_STEP = 500


@dataclass(frozen=True, slots=True)
class KeptCommit:
    """The commit made in an epoch: its place in the log; `blob` holds its bytes where the event does not."""

    epoch: int
    seq: int
    blob: str | None


@dataclass(frozen=True, slots=True)
class KeptGroupInfo:
    """The GroupInfo of an epoch; large ones stand in the blob store."""

    epoch: int
    content: bytes | None
    blob: str | None


class CommitRecord(_Part):
    class Meta:
        table_name = TableName("keys")

    epoch = NumberAttribute()
    seq = NumberAttribute()
    blob = UnicodeAttribute(null=True)


class GroupInfoRecord(_Part):
    class Meta:
        table_name = TableName("keys")

    epoch = NumberAttribute()
    content = BinaryAttribute(legacy_encoding=False, null=True)
    blob = UnicodeAttribute(null=True)


def _commit_part(epoch: int) -> str:
    return f"commit#{epoch:016d}"


def stage_commit(transaction: Transaction, conversation_id: str, kept: KeptCommit) -> None:
    """Note the one commit of an epoch (label `commit`: there is one)."""
    row = CommitRecord(conversation_id, _commit_part(kept.epoch), epoch=kept.epoch, seq=kept.seq, blob=kept.blob)
    transaction.put(COMMIT_LABEL, row, CommitRecord.owner.does_not_exist())


def commit_in(conversation_id: str, epoch: int) -> KeptCommit | None:
    row = CommitRecord.find(conversation_id, _commit_part(epoch))
    return None if row is None else KeptCommit(int(row.epoch), int(row.seq), row.blob)


def stage_group_info(transaction: Transaction, conversation_id: str, kept: KeptGroupInfo) -> None:
    row = GroupInfoRecord(conversation_id, _GROUP_INFO, epoch=kept.epoch, content=kept.content, blob=kept.blob)
    transaction.put("group-info", row)


def group_info(conversation_id: str) -> KeptGroupInfo | None:
    row = GroupInfoRecord.find(conversation_id, _GROUP_INFO)
    return None if row is None else KeptGroupInfo(int(row.epoch), row.content, row.blob)


def erase(conversation_id: str) -> bool | None:
    """Erase what is kept of the group of a conversation that has ended; True while there may be more."""
    if CommitRecord.delete_found(conversation_id, limit=_PER_STEP) == _PER_STEP:
        return True
    large.drop_below(f"groups/{conversation_id}")
    return None
