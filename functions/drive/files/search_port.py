"""The port of search: files by their names, for whom they are."""

from __future__ import annotations

from collections.abc import Callable

from drive import store
from drive.files import access, term_store
from drive.model import Node
from kernel import parallel

CANDIDATES = 500  # names that begin with the prefix, and shares, that one search considers


def files_by_name(*, user_id: str, prefix: str, fits: Callable[[str], bool]) -> list[Node]:
    """The ready files that somebody owns or that were shared with them by name, whose name fits; in no order.

    Of their own, those with a word that begins with `prefix`. Two round trips, one more for each that was shared.
    """
    reads: list[Callable[[], list[str]]] = [
        lambda: [node_id for _, node_id in term_store.found(user_id, prefix, after=None, limit=CANDIDATES)],
        lambda: [share.node_id for share in store.granted(user_id, after=None, limit=CANDIDATES)],
    ]
    names, shares = parallel.mapped(lambda read: read(), reads)
    nodes = store.nodes(list(dict.fromkeys([*names, *shares]))) if names or shares else {}
    return [
        node
        for node in nodes.values()
        if node.state == "ready" and not node.is_folder and fits(node.name) and _sees(user_id, node)
    ]


def _sees(user_id: str, node: Node) -> bool:
    if node.owner_id == user_id:
        return True
    found = store.node_access(node.id)  # the index of shares may be behind
    return found is not None and access.role_on(found, user_id) is not None
