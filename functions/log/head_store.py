"""The head of a conversation's log in DynamoDB: one part of the conversation's item collection."""

from __future__ import annotations

from dataclasses import asdict

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action

from kernel.dynamo import Key, Record, TableName, Transaction
from kernel.errors import NotFound
from log.model import LogHead, MlsGroup

HEAD = "head"


class HeadRecord(Record):
    class Meta:
        table_name = TableName("conversations")

    conversation_id = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    last_seq = NumberAttribute(null=True)
    last_message_seq = NumberAttribute(null=True)
    last_at = NumberAttribute(null=True)
    access_seq = NumberAttribute(null=True, attr_name="acl_seq")
    live_call = UnicodeAttribute(null=True)
    mls_group = JSONAttribute(null=True)


def head_key(conversation_id: str) -> tuple[type[Record], Key]:
    """The key of a head, for who reads it with other records; `head_of` reads the record."""
    return HeadRecord, (conversation_id, HEAD)


def head_of(record: HeadRecord) -> LogHead:
    return LogHead(
        record.conversation_id, int(record.last_seq), int(record.last_message_seq), int(record.last_at),
        int(record.access_seq), record.live_call, MlsGroup(**(record.mls_group or {})),
    )  # fmt: skip


def head(conversation_id: str) -> LogHead:
    """The head alone; raises NotFound."""
    record = HeadRecord.find(conversation_id, HEAD)
    if record is None:
        raise NotFound
    return head_of(record)


def stage_new_head(transaction: Transaction, head: LogHead) -> None:
    """The head of a new conversation's log."""
    fields = asdict(head)
    del fields["group"]  # none yet
    transaction.put("head", HeadRecord(fields.pop("conversation_id"), HEAD, **fields))


def stage_head(transaction: Transaction, before: LogHead, after: LogHead) -> None:
    """Move the head on, if nobody else has (label `head`)."""
    actions: list[Action] = [HeadRecord.last_seq.set(after.last_seq), HeadRecord.last_at.set(after.last_at)]
    if after.last_message_seq != before.last_message_seq:
        actions.append(HeadRecord.last_message_seq.set(after.last_message_seq))
    if after.access_seq != before.access_seq:
        actions.append(HeadRecord.access_seq.set(after.access_seq))
    if after.live_call != before.live_call:
        field = HeadRecord.live_call
        actions.append(field.remove() if after.live_call is None else field.set(after.live_call))
    if after.group != before.group:
        actions.append(HeadRecord.mls_group.set(asdict(after.group)))
    transaction.update(
        "head", HeadRecord(before.conversation_id, HEAD), actions, HeadRecord.last_seq == before.last_seq
    )


def stage_call_over(transaction: Transaction, conversation_id: str, call_id: str) -> None:
    """This call is not live any more, without an event that would tell of it (label `live`)."""
    head = HeadRecord(conversation_id, HEAD)
    transaction.update("live", head, [HeadRecord.live_call.remove()], HeadRecord.live_call == call_id)
