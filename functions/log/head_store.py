"""The head of a conversation's log in DynamoDB: one part of the conversation's item collection."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from kernel.dynamo import Key, Record
from kernel.errors import NotFound
from kernel.records import IntegerAttribute, Mapper, ValueAttribute, known_fields
from kernel.transactions import Transaction
from log.model import LogHead, MlsGroup

HEAD = "head"


class HeadRecord(Record, table="conversations", group="log"):
    conversation_id = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    last_seq = IntegerAttribute(null=True)
    last_message_seq = IntegerAttribute(null=True)
    last_at = IntegerAttribute(null=True)
    access_seq = IntegerAttribute(null=True, attr_name="acl_seq")
    live_call = UnicodeAttribute(null=True)
    mls_group = ValueAttribute(known_fields(MlsGroup), null=True)


def head_key(conversation_id: str) -> tuple[type[Record], Key]:
    """The key of a head, for reading it together with other records; `head_of` maps the record."""
    return HeadRecord, (conversation_id, HEAD)


_HEAD = Mapper(HeadRecord, LogHead, renamed={"group": "mls_group"})
head_of = _HEAD.value


def head(conversation_id: str) -> LogHead:
    """The head of a conversation's log; raises NotFound."""
    record = HeadRecord.find(conversation_id, HEAD)
    if record is None:
        raise NotFound
    return head_of(record)


def stage_new_head(transaction: Transaction, head: LogHead) -> None:
    """Put the head of a new conversation's log."""
    transaction.put("head", _HEAD.record(head, part=HEAD, mls_group=None))


def stage_head(transaction: Transaction, before: LogHead, after: LogHead) -> None:
    """Advance the head, if nobody else has (label `head`)."""
    head, unmoved = HeadRecord(before.conversation_id, HEAD), HeadRecord.last_seq == before.last_seq
    transaction.update("head", head, _HEAD.changes(before, after), unmoved)


def stage_call_ended(transaction: Transaction, conversation_id: str, call_id: str) -> None:
    """Remove the live call from the head without an event (label `live`)."""
    head = HeadRecord(conversation_id, HEAD)
    transaction.update("live", head, [HeadRecord.live_call.remove()], HeadRecord.live_call == call_id)
