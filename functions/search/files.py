"""Files as something to search: by their names, newest change first.

One's own and those that were shared with oneself. What was sent into a conversation is found by its message.
"""

from __future__ import annotations

from drive import api as drive
from drive.model import Node, file_view
from search.model import Found, Hit, Position, Wanted, words


def find(user_id: str, wanted: Wanted, *, below: Position | None, limit: int) -> Found:
    """The files whose names answer a query; none to a query without words."""
    if not wanted.parts:
        return Found([], None)
    prefix = max((part.strip() for part in wanted.parts), key=len)
    nodes = drive.files_by_name(user_id=user_id, prefix=prefix, fits=lambda name: wanted.matches(words(name)))
    hits = sorted((_hit(node) for node in nodes if _passes(node, wanted)), key=_position, reverse=True)
    page = [hit for hit in hits if below is None or hit.position < below]
    return Found(page[:limit], page[limit - 1].position if len(page) > limit else None)


def _passes(node: Node, wanted: Wanted) -> bool:
    return (
        wanted.conversation_id in (None, node.conversation_id)
        and wanted.sender_id in (None, node.owner_id)
        and (wanted.before is None or node.updated_at < wanted.before)
    )


def _hit(node: Node) -> Hit:
    return Hit((node.updated_at, node.id), {"kind": "file", **file_view(node)})


def _position(hit: Hit) -> Position:
    return hit.position
