"""The deduplication of sends in DynamoDB: which event a (sender, client_id) made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from kernel.dynamo import Record
from kernel.records import IntegerAttribute, Mapper
from kernel.transactions import Transaction

PAGE = 1_000


class SendDedup(Record, table="sends", group="log"):
    """The event that a (sender, client_id) made; kept as long as the conversation."""

    key = UnicodeAttribute(hash_key=True)
    conversation_id = UnicodeAttribute()
    seq = IntegerAttribute()


@dataclass(frozen=True, slots=True)
class OriginalSend:
    """The event that the same sender and client_id made before."""

    conversation_id: str
    seq: int


_ORIGINAL = Mapper(SendDedup, OriginalSend)


def send_key(sender_id: str, client_id: str) -> str:
    return f"{sender_id}#{client_id}"


def stage_send(transaction: Transaction, *, key: str, conversation_id: str, seq: int) -> None:
    """Claim a (sender, client_id) (label `sent`)."""
    record = SendDedup(key, conversation_id=conversation_id, seq=seq)
    transaction.put("sent", record, SendDedup.key.does_not_exist())


def sent_by(sender_id: str, cursor: dict[str, Any] | None) -> tuple[list[tuple[str, str, int]], dict[str, Any] | None]:
    """(key, conversation id, seq) of the sender's sends in the next page of a table scan, and the next cursor."""
    rows = SendDedup.scan(SendDedup.key.startswith(f"{sender_id}#"), page_size=PAGE, last_evaluated_key=cursor)
    found = [SendDedup.from_raw_data(item) for item in next(rows.page_iter)["Items"]]
    return [(each.key, each.conversation_id, int(each.seq)) for each in found], rows.last_evaluated_key


def forget_send(key: str) -> None:
    """Delete one record, for the erasure of its sender."""
    SendDedup(key).delete()


def forget_sends(keys: Iterable[str]) -> None:
    """Delete these records, for the erasure of their conversation: 25 a round trip."""
    SendDedup.delete_all(SendDedup(key) for key in keys)


def original_send(key: str) -> OriginalSend | None:
    """The event that this (sender, client_id) has made, None if there is none."""
    return _ORIGINAL.found(SendDedup.find(key))
