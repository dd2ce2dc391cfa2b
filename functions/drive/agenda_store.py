"""What has to be looked at again, and when: the index by time, and errands, which are due without a node or upload."""

from __future__ import annotations

from typing import Any

from drive.item_store import AGENDAS, Item, agenda
from kernel.dynamo import Transaction


def due(now: int, limit: int) -> list[tuple[str, str]]:
    """`(node_id, part)` of what is due, earliest first in each partition."""
    found: list[tuple[str, str]] = []
    for number in range(AGENDAS):
        rows = Item.by_due.query(f"sweep#{number}", Item.due_at <= now, limit=limit)
        found += [(row.node_id, row.part) for row in rows]
    return found


def put_errand(node_id: str, kind: str, *, due_at: int, objects: Any = None) -> None:
    Item(node_id, f"errand#{kind}", kind=kind, objects=objects, agenda=agenda(node_id), due_at=due_at).save()


def stage_errand(transaction: Transaction, node_id: str, kind: str, *, due_at: int, objects: Any = None) -> None:
    record = Item(node_id, f"errand#{kind}", kind=kind, objects=objects, agenda=agenda(node_id), due_at=due_at)
    transaction.put("errand", record)


def errand(node_id: str, part: str) -> Item | None:
    return Item.find(node_id, part)


def errand_done(node_id: str, kind: str) -> None:
    Item(node_id, f"errand#{kind}").delete()
