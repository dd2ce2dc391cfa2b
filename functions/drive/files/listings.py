"""Lists over the caller's drive: search by name, recent files, favourites; and the usage of the quota."""

from __future__ import annotations

from typing import Any

from drive import model, store, views
from drive.files import access, term_store
from drive.model import Node
from drive.uploads import usage_store
from kernel.caller import Caller
from kernel.config import config
from kernel.errors import NotFound
from kernel.paging import Page, Paginator

ROUNDS = 4  # of 100 candidates each for one page
_CANDIDATES = 100


def usage(*, caller: Caller) -> dict[str, Any]:
    found = usage_store.read(caller.user_id)
    return {
        "used": found.used,
        "reserved": found.reserved,
        "quota": config().drive_quota_bytes,
        "by_type": dict(found.by_type),
    }


def search(*, caller: Caller, q: str, kind: str | None, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """Ready files and folders of the caller's drive; every word of `q` must be the prefix of a word in the name.

    `kind` is `folder` or a category of `usage`. Mostly three round trips; a short page may still have a next one.
    """
    wanted = model.words(q)
    if not wanted:
        return Page([])
    prefix = max(wanted, key=len)
    paging = Paginator(after, caller.user_id, "drive-search", q, kind or "")
    last = paging.start
    found: list[Node] = []
    mark = last
    for _ in range(ROUNDS):
        rows = term_store.find(caller.user_id, prefix, after=last, limit=_CANDIDATES)
        nodes = store.nodes([node_id for _, node_id in rows])
        for entry, node_id in rows:
            node = nodes.get(node_id)
            last = entry
            if node is not None and _leads_to(entry, prefix, node) and _fits(node, wanted, kind, caller):
                if len(found) == limit:
                    return _entries(found, paging.cursor(mark))
                found.append(node)
                mark = last
        if len(rows) < _CANDIDATES:
            return _entries(found, None)
    return _entries(found, paging.cursor(last if len(found) < limit else mark))


def _leads_to(entry: str, prefix: str, node: Node) -> bool:
    """Whether this index entry is that of the node's first word with the prefix, so that each node is found once."""
    own = [term for term in model.terms(node.name) if term.startswith(prefix)]
    return bool(own) and min(own) == entry.rpartition("#")[0]


def _fits(node: Node, wanted: list[str], kind: str | None, caller: Caller) -> bool:
    if node.state != "ready" or node.owner_id != caller.user_id or not model.matches(node.name, wanted):
        return False
    return kind is None or kind == ("folder" if node.is_folder else node.category)


def _entries(found: list[Node], mark: str | None) -> Page[dict[str, Any]]:
    return Page([views.entry(node) for node in found], mark)


def recent(*, caller: Caller, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The caller's own ready files, the last changed first."""
    paging = Paginator(after, caller.user_id, "recent")
    before, seen = paging.start or (None, [])
    rows = [
        row for row in store.owned(caller.user_id, before=before, limit=limit + 1 + len(seen)) if row[1] not in seen
    ]
    page = rows[:limit]
    nodes = store.nodes([node_id for _, node_id in page])
    items = [
        views.file(node)
        for _, node_id in page
        if (node := nodes.get(node_id)) is not None and node.state == "ready" and not node.is_folder
    ]
    end = None
    if len(rows) > limit:
        at = page[-1][0]
        same = [*(seen if at == before else ()), *(node_id for when, node_id in page if when == at)]
        end = [at, same]
    return Page(items, paging.cursor(end))


def favourites(*, caller: Caller, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The caller's favourites that they may still see."""
    paging = Paginator(after, caller.user_id, "favourites")
    page = term_store.favourites(caller.user_id, after=paging.start, limit=limit)
    items = []
    for node_id in page:
        try:
            node = access.require_node(node_id, caller.user_id, kind="file").node
        except NotFound:
            continue
        if node.state == "ready":
            items.append(views.file(node))
    return Page(items, paging.cursor(page[-1] if len(page) == limit else None))
