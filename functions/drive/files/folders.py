"""Folders: creating, renaming, moving, and listing their children."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from drive import item_store, model, store, views
from drive.files import access, name_store, term_store
from drive.files import service as files
from drive.item_store import Item
from drive.model import MAX_DEPTH, Cycle, NameTaken, Node
from drive.uploads import lost_access, usage_store
from kernel import clock, ids
from kernel.caller import Caller
from kernel.errors import Conflict, NotFound, ValidationFailed
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from kernel.transactions import Cancelled, Transaction

SORTS = ("name", "size", "created_at", "updated_at")
_LISTED_STATES = ("processing", "ready", "rejected")


def create(*, caller: Caller, name: str, parent_id: str | None) -> dict[str, Any]:
    """Create a folder. Raises NotFound, Conflict `too_deep`, and NameTaken if a sibling folder's name differs at most
    in case and accents."""
    owner_id, depth = caller.user_id, 1
    if parent_id is not None:
        parent = access.require_node(parent_id, caller.user_id, "editor", kind="folder").node
        if parent.state == "trashed":
            raise NotFound
        owner_id, depth = parent.owner_id, 2 + len(access.ancestors(parent))
    if depth > MAX_DEPTH:
        raise Conflict(f"Folders lie at most {MAX_DEPTH} deep.", code="too_deep")
    now = clock.now()
    node = Node(ids.new("fol"), "folder", owner_id, model.require_name(name), parent_id, now, now)

    def stage(transaction: Transaction) -> None:
        store.stage_new_node(transaction, node)
        name_store.stage_claim(transaction, node)
        if parent_id is not None:
            store.stage_require_ready(transaction, "parent", parent_id)

    _commit_new(stage)
    term_store.index(owner_id, node.id, model.terms(node.name))
    return model.folder_view(node)


def _commit_new(stage: Callable[[Transaction], None]) -> None:
    try:
        store.commit(stage)
    except Cancelled as refused:
        if "parent" in refused.failed:
            raise NotFound from refused
        if "name" in refused.failed:
            raise NameTaken from refused
        raise Conflict("Somebody changed this at the same time; try again.", retry_after_s=1) from refused


def change(*, caller: Caller, folder_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Rename a folder or move it within its drive (`parent_id` null: to the root).

    Raises NameTaken, Cycle. Moves within a drive are serialised, so that two of them cannot make a cycle together.
    """
    name = model.require_name(fields["name"]) if "name" in fields else None

    def attempt() -> tuple[Node, Node]:
        before = access.require_node(folder_id, caller.user_id, "editor", kind="folder").node
        if before.state == "trashed":
            raise NotFound
        after, seen = before, None
        if name is not None:
            after = replace(after, name=name)
        if "parent_id" in fields and fields["parent_id"] != before.folder_id:
            seen = usage_store.move_count(before.owner_id)
            after = replace(after, folder_id=files.destination(caller, before.owner_id, fields["parent_id"]))
            _require_no_cycle(after)
        if after == before:
            return before, before
        after = replace(after, updated_at=max(clock.now(), before.updated_at + 1))
        _rewrite(before, after, seen)
        return before, after

    before, node = retried(attempt, on=_Contended)
    if node.folder_id != before.folder_id:  # and is perhaps out of somebody's reach
        lost_access.abort_in_drive(node.owner_id)
    return model.folder_view(node)


class _Contended(Conflict):
    """A concurrent change of this folder, or move of another one in the drive."""


def _rewrite(before: Node, after: Node, seen: int | None) -> None:
    same_name = (before.folder_id, model.fold(before.name)) == (after.folder_id, model.fold(after.name))

    def stage(transaction: Transaction) -> None:
        store.stage_node(transaction, before, after)
        if not same_name:
            name_store.stage_claim(transaction, after)
            name_store.stage_release(transaction, before)
        if after.folder_id is not None and after.folder_id != before.folder_id:
            store.stage_require_ready(transaction, "parent", after.folder_id)
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


def _require_no_cycle(node: Node) -> None:
    ancestors = access.ancestors(node)
    if any(each.id == node.id for each in ancestors):
        raise Cycle
    if len(ancestors) >= MAX_DEPTH:
        raise Conflict(f"Folders lie at most {MAX_DEPTH} deep.", code="too_deep")


# --- children -------------------------------------------------------------------------------------------------


def children(*, caller: Caller, folder_id: str, sort: str, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The children of a folder (`root`: of the caller's drive), folders first, sorted by one of `SORTS`.

    A `-` before `sort` means descending. A page by name takes two round trips; other orders read the whole folder's
    index (a round trip per 5,000 children). Raises NotFound, ValidationFailed.
    """
    descending, key = sort.startswith("-"), sort.removeprefix("-")
    if key not in SORTS:
        raise ValidationFailed.of("sort", f"one of {', '.join(SORTS)}, with - before it for the other direction")
    if folder_id == "root":
        place = item_store.root(caller.user_id)
    else:
        folder = access.require_node(folder_id, caller.user_id, kind="folder").node
        if folder.state == "trashed":
            raise NotFound  # its children are in the trash as well
        place = folder.id
    paging = Paginator(after, caller.user_id, "children", place, sort)
    page, end = _page(place, key, descending, paging.start, limit)
    found = store.nodes(page)
    items = [
        views.entry(node) for each in page if (node := found.get(each)) is not None and node.state in _LISTED_STATES
    ]
    return Page(items, paging.cursor(end))


def _page(place: str, key: str, descending: bool, last: Any, limit: int) -> tuple[list[str], Any]:
    """The ids of a page, and the position of its end (None: last page)."""
    if key == "name":
        return _by_name(place, descending, last, limit)
    rows = sorted(
        store.everything_in(place), key=lambda row: (row.order[0], *_sort_value(row, key, descending), row.node_id)
    )  # fmt: skip
    if last is not None:
        rows = [row for row in rows if [row.order[0], *_sort_value(row, key, descending), row.node_id] > last]
    end = rows[limit - 1] if len(rows) > limit else None
    position = None if end is None else [end.order[0], *_sort_value(end, key, descending), end.node_id]
    return [row.node_id for row in rows[:limit]], position


def _sort_value(row: Item, key: str, descending: bool) -> tuple[int]:
    value = getattr(row, key) or 0
    return (-value if descending else value,)


def _by_name(place: str, descending: bool, last: Any, limit: int) -> tuple[list[str], Any]:
    rows: list[tuple[str, str]] = []
    for prefix in ("0", "1"):  # folders first, in either direction
        if last is not None and last[0] > prefix:
            continue
        after = last if last is not None and last[0] == prefix else None
        rows += store.listed(place, prefix, after=after, limit=limit + 1 - len(rows), descending=descending)
        if len(rows) > limit:
            return [node_id for _, node_id in rows[:limit]], rows[limit - 1][0]
    return [node_id for _, node_id in rows], None
