"""The index of the words in nodes' names, and favourites."""

from __future__ import annotations

from collections.abc import Iterable

from drive.item_store import Item


def index(owner_id: str, node_id: str, added: Iterable[str], removed: Iterable[str] = ()) -> None:
    """Add and remove index entries of a node."""
    with Item.batch_write() as batch:
        for term in added:
            batch.save(Item(f"words#{owner_id}", f"{term}#{node_id}"))
        for term in removed:
            batch.delete(Item(f"words#{owner_id}", f"{term}#{node_id}"))


def find(owner_id: str, prefix: str, *, after: str | None, limit: int) -> list[tuple[str, str]]:
    """`(entry, node_id)` of the index entries whose word begins with `prefix`, sorted by word."""
    condition = Item.part.between(after or prefix, prefix + "\U0010ffff")
    rows = Item.query(f"words#{owner_id}", condition, limit=limit + 1)
    return [(row.part, row.part.rpartition("#")[2]) for row in rows if row.part != after][:limit]


def set_favourite(user_id: str, node_id: str, on: bool) -> None:
    record = Item(f"favourites#{user_id}", node_id)
    if on:
        record.save()
    else:
        record.delete()


def favourites(user_id: str, *, after: str | None, limit: int) -> list[str]:
    condition = None if after is None else Item.part > after
    return [row.part for row in Item.query(f"favourites#{user_id}", condition, limit=limit)]
