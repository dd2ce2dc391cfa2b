"""Computes the capacity units of calls to the fake DynamoDB from the items before and after each call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from perf import fakes, tables
from perf.capacity import Item, Units, index_units, item_bytes, query_units, read_units, write_units

Ask = Callable[[dict[str, Any]], Mapping[str, Any]]
_WRITES = {"Put", "Update", "Delete", "ConditionCheck"}


@dataclass(frozen=True, slots=True)
class _Write:
    table: str
    key: Item
    before: Item | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A call in progress."""

    operation: str
    asked: Mapping[str, Any]
    writes: tuple[_Write, ...]


@lru_cache(maxsize=64)
def _schema(table: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The names of a table's key attributes, and of those of an entry in each index."""
    own = next(each for each in tables.definitions("") if table.endswith(each["TableName"]))
    key = tuple(part["AttributeName"] for part in own["KeySchema"])
    indexes = (index["KeySchema"] for index in own.get("GlobalSecondaryIndexes", ()))
    return key, tuple((*(part["AttributeName"] for part in index), *key) for index in indexes)


def _key_of(table: str, item: Item) -> Item:
    return {name: item[name] for name in _schema(table)[0]}


class CapacityMeter:
    """Opened before a call and closed with its answer."""

    def __init__(self, ask: Ask) -> None:
        """`ask` answers an additional query that is not counted."""
        self._ask = ask

    def open(self, operation: str, asked: Mapping[str, Any]) -> Entry:
        writes = tuple(_Write(table, key, fakes.item(table, key)) for table, key in _written(operation, asked))
        return Entry(operation, asked, writes)

    def close(self, entry: Entry, status: int, answer: Mapping[str, Any]) -> Units:
        """The units of a finished call; a refused write costs as much as one that changes nothing."""
        transactional = entry.operation == "TransactWriteItems"
        write = 0.0
        for each in entry.writes:
            after = fakes.item(each.table, each.key)
            write += write_units(item_bytes(each.before), item_bytes(after), transactional=transactional)
            for names in _schema(each.table)[1]:
                write += index_units(each.before, after, names, transactional=transactional)
        return Units(_read(entry, answer, self._ask) if status == 200 else 0.0, write)


def _written(operation: str, asked: Mapping[str, Any]) -> Iterator[tuple[str, Item]]:
    if operation == "TransactWriteItems":
        for action in asked["TransactItems"]:
            kind, what = next(iter(action.items()))
            yield _target(kind, what)
    elif operation == "BatchWriteItem":
        for table, requests in asked["RequestItems"].items():
            for request in requests:
                kind, what = next(iter(request.items()))
                yield table, _key_of(table, what["Item"]) if kind == "PutRequest" else what["Key"]
    elif operation in ("PutItem", "UpdateItem", "DeleteItem"):
        yield _target(operation.removesuffix("Item"), asked)


def _target(kind: str, what: Mapping[str, Any]) -> tuple[str, Item]:
    if kind not in _WRITES:
        raise ValueError(f"{kind} is not a write")
    table: str = what["TableName"]
    return table, _key_of(table, what["Item"]) if kind == "Put" else what["Key"]


def _read(entry: Entry, answer: Mapping[str, Any], ask: Ask) -> float:
    asked = entry.asked
    if entry.operation == "GetItem":
        return read_units([item_bytes(answer.get("Item"))], consistent=bool(asked.get("ConsistentRead")))
    if entry.operation == "BatchGetItem":
        return sum(_batch_units(request, answer["Responses"].get(name, [])) for name, request in
                   asked["RequestItems"].items())  # fmt: skip
    if entry.operation == "Query":
        return query_units(_examined(asked, answer, ask), consistent=bool(asked.get("ConsistentRead")))
    if entry.operation == "Scan":
        raise ValueError("no function may scan")
    return 0.0


def _batch_units(request: Mapping[str, Any], items: list[Item]) -> float:
    missing = [0] * (len(request["Keys"]) - len(items))
    sizes = [*(item_bytes(item) for item in items), *missing]
    return read_units(sizes, consistent=bool(request.get("ConsistentRead")))


def _examined(asked: Mapping[str, Any], answer: Mapping[str, Any], ask: Ask) -> int:
    """The bytes that a query read, including items that it filtered out or only counted."""
    items = answer.get("Items", [])
    if len(items) != answer["ScannedCount"]:
        items = ask(_unfiltered(asked, answer["ScannedCount"]))["Items"]
    return sum(item_bytes(item) for item in items)


def _unfiltered(asked: Mapping[str, Any], examined: int) -> dict[str, Any]:
    """The same query for whole items without the filter, whose names and values DynamoDB would refuse as unused."""
    kept = {name: value for name, value in asked.items() if name not in ("FilterExpression", "Select", "Limit")}
    used = set(re.findall(r"[#:]\w+", asked["KeyConditionExpression"]))
    for given in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        kept[given] = {name: value for name, value in asked.get(given, {}).items() if name in used}
    return {**kept, "Limit": max(1, examined)}
