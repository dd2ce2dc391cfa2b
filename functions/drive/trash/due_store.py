"""The index by_due, and cleanup tasks, which are due without a node or an upload."""

from __future__ import annotations

from typing import Any

from drive.item_store import DUE_PARTITIONS, Item, due_partition
from kernel.transactions import Transaction

_TASK = "errand#"  # as it is stored


def due(now: int, limit: int) -> list[tuple[str, str]]:
    """`(node_id, part)` of due items, up to `limit` per partition, earliest first within each."""
    found: list[tuple[str, str]] = []
    for number in range(DUE_PARTITIONS):
        rows = Item.by_due.query(f"sweep#{number}", Item.due_at <= now, limit=limit)
        found += [(row.node_id, row.part) for row in rows]
    return found


def put_task(node_id: str, kind: str, *, due_at: int, objects: Any = None) -> None:
    """Save a cleanup task of a node that is due at `due_at` (ms)."""
    _task(node_id, kind, due_at, objects).save()


def stage_task(transaction: Transaction, node_id: str, kind: str, *, due_at: int, objects: Any = None) -> None:
    """Save a cleanup task as part of a transaction."""
    transaction.put("task", _task(node_id, kind, due_at, objects))


def _task(node_id: str, kind: str, due_at: int, objects: Any) -> Item:
    part = f"{_TASK}{kind}"
    return Item(node_id, part, kind=kind, objects=objects, agenda=due_partition(node_id), due_at=due_at)


def task_objects(node_id: str, kind: str) -> list[Any] | None:
    """The objects of a cleanup task; None if there is no such task."""
    found = Item.find(node_id, f"{_TASK}{kind}")
    return None if found is None else found.objects or []


def task_kind(part: str) -> str:
    """The kind of a cleanup task, from its sort key."""
    return part.removeprefix(_TASK)


def task_done(node_id: str, kind: str) -> None:
    """Delete a cleanup task."""
    Item(node_id, f"{_TASK}{kind}").delete()
