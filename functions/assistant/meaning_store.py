"""The index of embeddings: one vector per message, under its conversation, in an item of at most 1 KB (a write unit).

It is derived from the log and can be rebuilt at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute

from kernel import clock
from kernel.dynamo import Record
from kernel.records import IntegerAttribute

_PER_STEP = 1_000  # vectors erased at once
NEWEST = 2_000  # vectors per conversation and search: about the megabyte that one query reads


class MeaningRecord(Record, table="meanings"):
    conversation_id = UnicodeAttribute(hash_key=True)
    seq = IntegerAttribute(range_key=True)
    vector = BinaryAttribute(legacy_encoding=False)
    expires_at = IntegerAttribute(null=True)


@dataclass(frozen=True, slots=True)
class Meaning:
    """The vector of one message; `expires_at` in ms."""

    conversation_id: str
    seq: int
    vector: bytes
    expires_at: int | None = None


def write(found: Iterable[Meaning], gone: Iterable[tuple[str, int]]) -> None:
    """Save vectors, and delete those of the messages in `gone`: 25 items a round trip."""
    with MeaningRecord.batch_write() as batch:
        for each in found:
            ends = None if each.expires_at is None else -(-each.expires_at // clock.SECOND)
            batch.save(MeaningRecord(each.conversation_id, each.seq, vector=each.vector, expires_at=ends))
        for conversation_id, seq in gone:
            batch.delete(MeaningRecord(conversation_id, seq))


def newest(conversation_id: str, *, first: int) -> Mapping[int, bytes]:
    """The vectors of a conversation's newest messages from seq `first` on, by seq: one round trip."""
    rows = MeaningRecord.query(
        conversation_id, MeaningRecord.seq >= first, scan_index_forward=False, limit=NEWEST, page_size=NEWEST
    )
    return {row.seq: bytes(row.vector) for row in rows}


def all_of(conversation_id: str) -> list[tuple[str, int]]:
    """The keys (conversation, seq) of all vectors of a conversation."""
    rows = MeaningRecord.query(conversation_id, attributes_to_get=["conversation_id", "seq"])
    return [(row.conversation_id, row.seq) for row in rows]


def erase(conversation_id: str, _cursor: Any = None) -> bool | None:
    """Delete some vectors of an erased conversation; True while there may be more."""
    return True if MeaningRecord.delete_found(conversation_id, limit=_PER_STEP) == _PER_STEP else None
