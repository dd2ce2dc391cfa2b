"""Folders: making, renaming, moving, and what lies in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from drive import item_store, model, store, views
from drive.files import access, name_store, term_store
from drive.files import service as files
from drive.item_store import Item
from drive.model import MAX_DEPTH, Cycle, NameTaken, Node
from drive.uploads import usage_store
from kernel import clock, ids
from kernel.caller import Caller
from kernel.dynamo import Cancelled, Transaction
from kernel.errors import Conflict, NotFound, ValidationFailed
from kernel.paging import Page, Paginator
from kernel.resilience import retried

SORTS = ("name", "size", "created_at", "updated_at")
_SHOWN = ("processing", "ready", "rejected")


def create(*, caller: Caller, name: str, parent_id: str | None) -> dict[str, Any]:
    """A new folder; raises NameTaken for a second one of the same name (but for case and accents) in a place."""
    owner_id, depth = caller.user_id, 1
    if parent_id is not None:
        parent = access.require_node(parent_id, caller.user_id, "editor", kind="folder").node
        if parent.state == "trashed":
            raise NotFound
        owner_id, depth = parent.owner_id, 2 + len(access.above(parent))
    if depth > MAX_DEPTH:
        raise Conflict(f"Folders lie at most {MAX_DEPTH} deep.", code="too_deep")
    now = clock.now()
    node = Node(ids.new("fol"), "folder", owner_id, model.require_name(name), parent_id, now, now)

    def stage(transaction: Transaction) -> None:
        store.stage_new_node(transaction, node)
        name_store.stage(transaction, node)
        if parent_id is not None:
            store.stage_stands(transaction, "parent", parent_id)

    _named(stage)
    term_store.index(owner_id, node.id, model.terms(node.name))
    return views.folder(node)


def _named(stage: Callable[[Transaction], None]) -> None:
    try:
        store.commit(stage)
    except Cancelled as refused:
        if "parent" in refused.failed:
            raise NotFound from refused
        if "name" in refused.failed:
            raise NameTaken from refused
        raise Conflict("Somebody changed this at the same time; try again.", retry_after_s=1) from refused


def change(*, caller: Caller, folder_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Rename a folder or move it within its drive (`parent_id` null: to the top).

    Raises NameTaken, Cycle. Moves of one drive take turns, so that two of them cannot make a circle together.
    """
    name = model.require_name(fields["name"]) if "name" in fields else None

    def attempt() -> Node:
        before = access.require_node(folder_id, caller.user_id, "editor", kind="folder").node
        if before.state == "trashed":
            raise NotFound
        after, seen = before, None
        if name is not None:
            after = replace(after, name=name)
        if "parent_id" in fields and fields["parent_id"] != before.folder_id:
            seen = usage_store.moves(before.owner_id)
            after = replace(after, folder_id=files.destination(caller, before.owner_id, fields["parent_id"]))
            _require_no_circle(after)
        if after == before:
            return before
        after = replace(after, updated_at=max(clock.now(), before.updated_at + 1))
        _rewrite(before, after, seen)
        return after

    node = retried(attempt, on=_Contended)
    return views.folder(node)


class _Contended(Conflict):
    """Somebody changed this folder, or moved another, at the same time."""


def _rewrite(before: Node, after: Node, seen: int | None) -> None:
    same_name = (before.folder_id, model.fold(before.name)) == (after.folder_id, model.fold(after.name))

    def stage(transaction: Transaction) -> None:
        store.stage_node(transaction, before, after)
        if not same_name:
            name_store.stage(transaction, after)
            name_store.stage_gone(transaction, before)
        if after.folder_id is not None and after.folder_id != before.folder_id:
            store.stage_stands(transaction, "parent", after.folder_id)
        if seen is not None:
            usage_store.stage_move(transaction, before.owner_id, seen)

    try:
        store.commit(stage)
    except Cancelled as refused:
        if "name" in refused.failed and len(refused.failed) == 1:
            raise NameTaken from refused
        raise _Contended(retry_after_s=1) from refused
    if before.name != after.name:
        old, new = model.terms(before.name), model.terms(after.name)
        term_store.index(after.owner_id, after.id, new - old, old - new)


def _require_no_circle(node: Node) -> None:
    above = access.above(node)
    if any(each.id == node.id for each in above):
        raise Cycle
    if len(above) >= MAX_DEPTH:
        raise Conflict(f"Folders lie at most {MAX_DEPTH} deep.", code="too_deep")


# --- what lies in a folder ------------------------------------------------------------------------------------


def children(*, caller: Caller, folder_id: str, sort: str, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """Folders, then files of a folder (`root`: of one's own drive), by `name`, `size`, `created_at` or `updated_at`.

    A `-` before it turns the order. By name a page is two round trips whatever lies there; by others the index of
    the whole folder is read (a round trip per 5,000).
    """
    backwards, key = sort.startswith("-"), sort.removeprefix("-")
    if key not in SORTS:
        raise ValidationFailed.of("sort", f"one of {', '.join(SORTS)}, with - before it for the other direction")
    if folder_id == "root":
        place = item_store.root(caller.user_id)
    else:
        folder = access.require_node(folder_id, caller.user_id, kind="folder").node
        if folder.state == "trashed":
            raise NotFound  # it is in the trash, and so is what lay in it
        place = folder.id
    paging = Paginator(after, caller.user_id, "children", place, sort)
    page, end = _page(place, key, backwards, paging.start, limit)
    found = store.nodes(page)
    items = [views.entry(node) for each in page if (node := found.get(each)) is not None and node.state in _SHOWN]
    return Page(items, paging.cursor(end))


def _page(place: str, key: str, backwards: bool, last: Any, limit: int) -> tuple[list[str], Any]:
    """The ids of a page, and where the next one goes on (None: nowhere)."""
    if key == "name":
        return _by_name(place, backwards, last, limit)
    rows = sorted(
        store.everything_in(place), key=lambda row: (row.order[0], *_turned(row, key, backwards), row.node_id)
    )  # fmt: skip
    if last is not None:
        rows = [row for row in rows if [row.order[0], *_turned(row, key, backwards), row.node_id] > last]
    end = rows[limit - 1] if len(rows) > limit else None
    mark = None if end is None else [end.order[0], *_turned(end, key, backwards), end.node_id]
    return [row.node_id for row in rows[:limit]], mark


def _turned(row: Item, key: str, backwards: bool) -> tuple[int]:
    value = getattr(row, key) or 0
    return (-value if backwards else value,)


def _by_name(place: str, backwards: bool, last: Any, limit: int) -> tuple[list[str], Any]:
    rows: list[tuple[str, str]] = []
    for prefix in ("0", "1"):  # folders first, in either direction
        if last is not None and last[0] > prefix:
            continue
        after = last if last is not None and last[0] == prefix else None
        rows += store.listed(place, prefix, after=after, limit=limit + 1 - len(rows), backwards=backwards)
        if len(rows) > limit:
            return [node_id for _, node_id in rows[:limit]], rows[limit - 1][0]
    return [node_id for _, node_id in rows], None
