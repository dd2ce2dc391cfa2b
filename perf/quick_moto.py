"""Shortcuts in moto, which would otherwise take more of a measurement's time than all that is measured.

moto copies a whole table for each write of a transaction, sorts a whole table for each query, writes its answers value
by value, and counts all messages of a queue whenever one is added: half a second for a transaction of 50 members,
100 ms for an answer of 50 items.
"""

from __future__ import annotations

import inspect
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.core.responses import ActionResult
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.sqs.models import Queue

_OF_ITEMS = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")
_COUNTS = (
    "approximate_number_of_messages",
    "approximate_number_of_messages_delayed",
    "approximate_number_of_messages_not_visible",
)


@contextmanager
def quick_moto() -> Iterator[None]:
    """Take the shortcuts within the block.

    A failed transaction is not undone, as nothing is copied that could be restored: the measurement has to end then.
    Queues say that they are empty.
    """
    with ExitStack() as undo:

        def replace(owner: type, name: str, by: Any) -> None:
            before = vars(owner).get(name)
            undo.callback(*((setattr, owner, name, before) if before is not None else (delattr, owner, name)))
            setattr(owner, name, by)

        replace(Table, "__deepcopy__", lambda table, _memo: table)
        replace(Table, "query", _on_few(Table.query))
        replace(DynamoHandler, "serialized", _written_at_once(DynamoHandler.serialized))
        for name in _COUNTS:
            replace(Queue, name, 0)
        yield


class _Part:
    """A table as `Table.query` sees it, with the items that a query may find."""

    def __init__(self, table: Table, items: Sequence[Item]) -> None:
        self._table, self._items = table, items

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def all_items(self) -> Sequence[Item]:
        return self._items


def _on_few(query: Callable[..., Any]) -> Callable[..., Any]:
    """`Table.query` on the items with the asked key alone; it sorts them itself."""
    signature = inspect.signature(query)

    def quick(table: Table, *given: Any, **named: Any) -> Any:
        asked = signature.bind(table, *given, **named).arguments
        if asked["index_name"] is None:
            found = _below(table, asked["hash_key"])
        else:
            (name, value), *_ = asked["hash_key_conditions"]
            found = [item for key in list(table.items) for item in _below(table, key) if _has(item, name, value)]
        return query(_Part(table, found), *given, **named)

    return quick


def _below(table: Table, hash_key: Any) -> list[Item]:
    """The items with this hash key."""
    found: Any = table.items.get(hash_key)
    if found is None:
        return []
    return list(found.values()) if table.range_key_attr else [found]


def _has(item: Item, name: str, value: DynamoType) -> bool:
    own = item.attrs.get(name)
    return own is not None and (own.value == value.value or own.type != "S")  # moto compares numbers itself


def _written_at_once(serialized: Callable[..., Any]) -> Callable[..., Any]:
    """`DynamoHandler.serialized` for answers that consist of items, which are JSON but for their bytes."""

    def quick(handler: DynamoHandler, result: ActionResult) -> Any:
        answer = result.result
        if not isinstance(answer, Mapping) or handler._get_action() not in _OF_ITEMS:
            return serialized(handler, result)
        given = {name: value for name, value in answer.items() if value is not None}
        headers = {"Content-Type": "application/x-amz-json-1.0", **handler.response_headers}
        return 200, headers, json.dumps(given, default=_text)

    return quick


def _text(value: bytes) -> str:
    return b64encode(value).decode()
