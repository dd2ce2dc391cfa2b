"""What messages said before their edits, in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pynamodb.attributes import UnicodeAttribute

from kernel.dynamo import Record, TableName, Transaction
from kernel.records import IntegerAttribute, Mapper
from log.model import Event

MAX_EARLIER_TEXTS = 50
_TEXT = "text#"


class EarlierTextRecord(Record):
    """`text#{n}`: what a message said before, and since when."""

    class Meta:
        table_name = TableName("message_parts", "log")

    message = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    text = UnicodeAttribute(null=True)
    written_at = IntegerAttribute(null=True)


@dataclass(frozen=True, slots=True)
class EarlierVersion:
    """What a message said from `written_at` (ms) until its next edit."""

    text: str = ""
    written_at: int = 0


_EARLIER = Mapper(EarlierTextRecord, EarlierVersion)


def _key(conversation_id: str, seq: int) -> str:
    return f"{conversation_id}#{seq}"


def stage_earlier(transaction: Transaction, message: Event) -> None:
    """Keep what a message says now; of more than 50 the oldest goes."""
    row = EarlierTextRecord(
        _key(message.conversation_id, message.seq),
        f"{_TEXT}{message.edits % MAX_EARLIER_TEXTS:02}",
        text=message.text,
        written_at=message.edited_at or message.at,
    )
    transaction.put("earlier", row)


def stage_forgotten(transaction: Transaction, message: Event) -> None:
    """Forget everything that a message said before."""
    for row in _earlier_rows(message):
        transaction.delete("earlier", row)


def forget_earlier(conversation_id: str, seq: int) -> None:
    """The same for a message of which it is not known any more how often it was edited. Twice is fine."""
    EarlierTextRecord.delete_found(_key(conversation_id, seq), EarlierTextRecord.part.startswith(_TEXT))


def forget_earlier_of(messages: Iterable[Event]) -> None:
    """The same for messages of which that is known: 25 texts a round trip."""
    EarlierTextRecord.delete_all(row for message in messages for row in _earlier_rows(message))


def _earlier_rows(message: Event) -> list[EarlierTextRecord]:
    key = _key(message.conversation_id, message.seq)
    return [EarlierTextRecord(key, f"{_TEXT}{n:02}") for n in range(min(message.edits, MAX_EARLIER_TEXTS))]


def earlier(conversation_id: str, seq: int) -> list[EarlierVersion]:
    """What a message said before, oldest first."""
    rows = EarlierTextRecord.query(
        _key(conversation_id, seq), EarlierTextRecord.part.startswith(_TEXT), consistent_read=True
    )
    return sorted(_EARLIER.values(rows), key=lambda each: each.written_at)
