"""The port for search: files by name, as far as a person may see them."""

from __future__ import annotations

from collections.abc import Callable

from drive import store
from drive.files import access, term_store
from drive.model import Node
from kernel import parallel

CANDIDATES = 500  # index entries of own files, and shares, that one search considers


def files_by_name(*, user_id: str, prefix: str, fits: Callable[[str], bool]) -> list[Node]:
    """The person's own and directly shared ready files whose name `fits`, unordered.

    Own files need a word that begins with `prefix`. Two round trips, and one more for each shared file.
    """
    reads: list[Callable[[], list[str]]] = [
        lambda: [node_id for _, node_id in term_store.find(user_id, prefix, after=None, limit=CANDIDATES)],
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
    found = store.node_access(node.id)  # the index of shares is eventually consistent
    return found is not None and access.role_on(found, user_id) is not None
