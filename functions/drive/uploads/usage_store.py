"""How much of each quota is taken: one item an owner, changed in the transactions that change what is charged."""

from __future__ import annotations

from typing import Any

from pynamodb.expressions.update import Action

from drive.item_store import Item
from drive.media_types import CATEGORIES
from drive.model import StorageUsage
from kernel.dynamo import Transaction

USAGE = "usage"


def _record(owner_id: str) -> Item:
    return Item(f"usage#{owner_id}", USAGE)


def read(owner_id: str) -> StorageUsage:
    found = Item.find(f"usage#{owner_id}", USAGE) or _record(owner_id)
    by_type = {name: getattr(found, f"used_{name}") or 0 for name in CATEGORIES}
    return StorageUsage(found.taken or 0, found.used or 0, by_type)


def moves(owner_id: str) -> int:
    """How often folders of this owner have been moved."""
    found = Item.find(f"usage#{owner_id}", USAGE)
    return 0 if found is None else found.moves or 0


def stage_reservation(transaction: Transaction, owner_id: str, size: int, *, quota: int, freed: int = 0) -> None:
    """Take `size` bytes if they fit, giving `freed` back at the same time (label `usage`)."""
    room = quota - size + freed
    enough: Any = Item.taken <= room
    if room >= 0:
        enough = Item.taken.does_not_exist() | enough
    transaction.update("usage", _record(owner_id), [Item.taken.add(size - freed)], enough)


def stage_change(
    transaction: Transaction, owner_id: str, *, taken: int = 0, used: dict[str, int] | None = None
) -> None:
    """Add to what is taken and, by category, to what is used (negative: give back)."""
    actions: list[Action] = []
    if taken:
        actions.append(Item.taken.add(taken))
    if used:
        actions.append(Item.used.add(sum(used.values())))
        actions += [getattr(Item, f"used_{name}").add(size) for name, size in used.items()]
    if actions:
        transaction.update("usage", _record(owner_id), actions)


def stage_move(transaction: Transaction, owner_id: str, seen: int) -> None:
    """Count a move of a folder, if none came between (label `moves`): so no two moves make a circle together."""
    condition: Any = Item.moves == seen
    if seen == 0:
        condition = Item.moves.does_not_exist() | condition
    transaction.update("moves", _record(owner_id), [Item.moves.add(1)], condition)
