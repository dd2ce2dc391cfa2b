"""The usage of quotas: one item per owner, updated in the transactions that reserve and free space."""

from __future__ import annotations

from typing import Any

from pynamodb.expressions.update import Action

from drive.item_store import Item
from drive.media_types import CATEGORIES
from drive.model import StorageUsage
from kernel.transactions import Transaction

USAGE = "usage"


def _record(owner_id: str) -> Item:
    return Item(f"usage#{owner_id}", USAGE)


def read(owner_id: str) -> StorageUsage:
    found = Item.find(f"usage#{owner_id}", USAGE) or _record(owner_id)
    by_type = {name: getattr(found, f"used_{name}") or 0 for name in CATEGORIES}
    return StorageUsage(found.taken or 0, found.used or 0, by_type)


def move_count(owner_id: str) -> int:
    """The number of moves of this owner's folders."""
    found = Item.find(f"usage#{owner_id}", USAGE)
    return 0 if found is None else found.moves or 0


def stage_reservation(transaction: Transaction, owner_id: str, size: int, *, quota: int, freed: int = 0) -> None:
    """Reserve `size` bytes if they fit, and free `freed` bytes (label `usage`)."""
    room = quota - size + freed
    enough: Any = Item.taken <= room
    if room >= 0:
        enough = Item.taken.does_not_exist() | enough
    transaction.update("usage", _record(owner_id), [Item.taken.add(size - freed)], enough)


def stage_change(
    transaction: Transaction, owner_id: str, *, taken: int = 0, used: dict[str, int] | None = None
) -> None:
    """Add bytes to `taken` and, by category, to `used`; negative numbers free them."""
    actions: list[Action] = []
    if taken:
        actions.append(Item.taken.add(taken))
    if used:
        actions.append(Item.used.add(sum(used.values())))
        actions += [getattr(Item, f"used_{name}").add(size) for name, size in used.items()]
    if actions:
        transaction.update("usage", _record(owner_id), actions)


def stage_move(transaction: Transaction, owner_id: str, seen: int) -> None:
    """Count a move of a folder, on condition that there was no other since `seen` (label `moves`)."""
    condition: Any = Item.moves == seen
    if seen == 0:
        condition = Item.moves.does_not_exist() | condition
    transaction.update("moves", _record(owner_id), [Item.moves.add(1)], condition)
