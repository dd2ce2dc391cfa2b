"""The earlier texts of edited messages in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pynamodb.attributes import UnicodeAttribute

from kernel.dynamo import Record
from kernel.records import IntegerAttribute, Mapper
from kernel.transactions import Transaction
from log.model import Event

MAX_EARLIER_TEXTS = 50
_TEXT = "text#"


class EarlierTextRecord(Record, table="message_parts", group="log"):
    """`text#{n}`: an earlier text of a message, and the time it was written."""

    message = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    text = UnicodeAttribute(null=True)
    written_at = IntegerAttribute(null=True)


@dataclass(frozen=True, slots=True)
class EarlierVersion:
    """The text of a message from `written_at` (ms) until its next edit."""

    text: str = ""
    written_at: int = 0
    part: str = ""  # its place among the earlier texts, which is unique


_EARLIER = Mapper(EarlierTextRecord, EarlierVersion)


def _key(conversation_id: str, seq: int) -> str:
    return f"{conversation_id}#{seq}"


def stage_earlier(transaction: Transaction, message: Event) -> None:
    """Store a message's present text as an earlier one; it replaces the oldest of 50."""
    row = EarlierTextRecord(
        _key(message.conversation_id, message.seq),
        f"{_TEXT}{message.edits % MAX_EARLIER_TEXTS:02}",
        text=message.text,
        written_at=message.edited_at or message.at,
    )
    transaction.put("earlier", row)


def stage_forgotten(transaction: Transaction, message: Event) -> None:
    """Delete a message's earlier texts in a transaction."""
    for row in _earlier_rows(message):
        transaction.delete("earlier", row)


def forget_earlier(conversation_id: str, seq: int) -> None:
    """Delete a message's earlier texts without knowing the number of edits. Idempotent."""
    EarlierTextRecord.delete_found(_key(conversation_id, seq), EarlierTextRecord.part.startswith(_TEXT))


def forget_earlier_of(messages: Iterable[Event]) -> None:
    """Delete the earlier texts of messages: 25 a round trip."""
    EarlierTextRecord.delete_all(row for message in messages for row in _earlier_rows(message))


def _earlier_rows(message: Event) -> list[EarlierTextRecord]:
    key = _key(message.conversation_id, message.seq)
    return [EarlierTextRecord(key, f"{_TEXT}{n:02}") for n in range(min(message.edits, MAX_EARLIER_TEXTS))]


def earlier(conversation_id: str, seq: int) -> list[EarlierVersion]:
    """The earlier texts of a message, oldest first."""
    rows = EarlierTextRecord.query(
        _key(conversation_id, seq), EarlierTextRecord.part.startswith(_TEXT), consistent_read=True
    )
    return sorted(_EARLIER.values(rows), key=lambda each: (each.written_at, each.part))
