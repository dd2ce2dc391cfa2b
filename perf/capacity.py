"""The capacity units of DynamoDB calls, computed from item sizes.

The rules are AWS's (Developer Guide, "DynamoDB item sizes and formats", "DynamoDB read and write operations"); the fake
answers a constant ConsumedCapacity. Where AWS is silent, the more expensive reading is used: a condition check counts
as a write, and an index of a table written transactionally is too.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024

Value = Mapping[str, Any]
Item = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Units:
    """Read and write units of one or more calls."""

    read: float = 0.0
    write: float = 0.0

    def __add__(self, other: Units) -> Units:
        return Units(self.read + other.read, self.write + other.write)


def item_bytes(item: Item | None) -> int:
    """The size of an item in bytes (names and values), 0 for None."""
    if item is None:
        return 0
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Value) -> int:
    kind, content = next(iter(value.items()))
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return _number_bytes(content)
    if kind == "B":
        return len(content) if isinstance(content, bytes) else len(b64decode(content))  # moto stores bytes
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value_bytes(each) for name, each in content.items())
    if kind == "L":
        return 3 + sum(1 + _value_bytes(each) for each in content)
    if kind in ("SS", "NS", "BS"):
        return sum(_value_bytes({kind[0]: each}) for each in content)
    raise ValueError(f"there is no attribute type {kind}")


def _number_bytes(text: str) -> int:
    """About one byte per two significant digits, plus one, plus one for a minus sign."""
    digits = text.lstrip("-").partition("e")[0].partition("E")[0].replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def _blocks(size: int, block: int) -> int:
    return max(1, -(-size // block))


def read_units(item_sizes: Iterable[int], *, consistent: bool) -> float:
    """Units of reading single items, also in a batch: each is rounded up by itself; a missing one costs one block."""
    return sum(_blocks(size, READ_UNIT_BYTES) for size in item_sizes) * (1.0 if consistent else 0.5)


def query_units(examined_bytes: int, *, consistent: bool) -> float:
    """Units of a query's page: the size of all items before filtering, rounded up once."""
    return _blocks(examined_bytes, READ_UNIT_BYTES) * (1.0 if consistent else 0.5)


def write_units(before_bytes: int, after_bytes: int, *, transactional: bool) -> float:
    """Units of one write: the larger of the item's sizes before and after it counts."""
    return _blocks(max(before_bytes, after_bytes), WRITE_UNIT_BYTES) * (2.0 if transactional else 1.0)


def index_units(before: Item | None, after: Item | None, keys: Iterable[str], *, transactional: bool) -> float:
    """Units of writes to a keys-only index: one for an entry that appears or disappears, two for one that moves."""
    names = tuple(keys)
    old, new = (_entry(item, names) for item in (before, after))
    writes = 0 if old == new else (old is not None) + (new is not None)
    return writes * (2.0 if transactional else 1.0)


def _entry(item: Item | None, names: tuple[str, ...]) -> tuple[Any, ...] | None:
    if item is None or any(name not in item for name in names):
        return None
    return tuple(item[name] for name in names)
