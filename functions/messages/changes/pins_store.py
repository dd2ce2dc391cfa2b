"""The pins of a conversation in DynamoDB: one item, so that they are read, counted and limited together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.update import Action

from kernel.dynamo import Key, Record
from kernel.records import IntegerAttribute, ValueAttribute
from kernel.transactions import Transaction

_PART = "pins"


@dataclass(frozen=True, slots=True)
class Pin:
    """The pin of a message: its seq, the person who pinned it, and when (ms)."""

    seq: int
    by: str
    at: int


def _read(kept: Any) -> tuple[Pin, ...]:
    return tuple(Pin(**each) for each in kept)


def _written(pins: Sequence[Pin]) -> list[dict[str, Any]]:
    return [asdict(pin) for pin in pins]


class PinsRecord(Record, table="conversations", group="log"):
    conversation_id = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    pins = ValueAttribute(_read, _written, null=True)
    version = IntegerAttribute(null=True)


@dataclass(frozen=True, slots=True)
class Pins:
    """All pins, oldest first; `version` is the seq of the event that last changed them."""

    items: tuple[Pin, ...] = ()
    version: int | None = None

    def without(self, seq: int) -> tuple[Pin, ...]:
        return tuple(pin for pin in self.items if pin.seq != seq)


def key(conversation_id: str) -> tuple[type[Record], Key]:
    return PinsRecord, (conversation_id, _PART)


def pins_of(record: Any) -> Pins:
    """The pins in a record as read by `key`; none where there is no record."""
    if record is None:
        return Pins()
    return Pins(record.pins or (), record.version)


def stage(transaction: Transaction, conversation_id: str, before: Pins, after: Sequence[Pin], seq: int) -> None:
    """Replace the pins, if they still are as they were read (label `pins`)."""
    last = PinsRecord.version
    unchanged = last.does_not_exist() if before.version is None else last == before.version
    actions: list[Action] = [PinsRecord.pins.set(tuple(after)), last.set(seq)]
    transaction.update("pins", PinsRecord(conversation_id, _PART), actions, unchanged)
