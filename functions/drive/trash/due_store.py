"""What has to be looked at again, and when: the index by time, and cleanup tasks, which are due without a node or
upload."""

from __future__ import annotations

from typing import Any

from drive.item_store import DUE_PARTITIONS, Item, due_partition
from kernel.dynamo import Transaction

_TASK = "errand#"  # as it is stored


def due(now: int, limit: int) -> list[tuple[str, str]]:
    """`(node_id, part)` of what is due, earliest first in each partition."""
    found: list[tuple[str, str]] = []
    for number in range(DUE_PARTITIONS):
        rows = Item.by_due.query(f"sweep#{number}", Item.due_at <= now, limit=limit)
        found += [(row.node_id, row.part) for row in rows]
    return found


def put_task(node_id: str, kind: str, *, due_at: int, objects: Any = None) -> None:
    """Have the sweep do something for a node from `due_at` (ms) on."""
    _task(node_id, kind, due_at, objects).save()


def stage_task(transaction: Transaction, node_id: str, kind: str, *, due_at: int, objects: Any = None) -> None:
    """The same, as part of a transaction."""
    transaction.put("task", _task(node_id, kind, due_at, objects))


def _task(node_id: str, kind: str, due_at: int, objects: Any) -> Item:
    part = f"{_TASK}{kind}"
    return Item(node_id, part, kind=kind, objects=objects, agenda=due_partition(node_id), due_at=due_at)


def task_objects(node_id: str, kind: str) -> list[Any] | None:
    """What a cleanup task is about; None when it is done or never was."""
    found = Item.find(node_id, f"{_TASK}{kind}")
    return None if found is None else found.objects or []


def task_kind(part: str) -> str:
    """The kind of the cleanup task in this part of a node."""
    return part.removeprefix(_TASK)


def task_done(node_id: str, kind: str) -> None:
    """Forget a cleanup task."""
    Item(node_id, f"{_TASK}{kind}").delete()
