"""Files as a source of search: found by name, newest change first.

Searches the caller's own files and those shared with them. A file sent into a conversation is found by its message.
"""

from __future__ import annotations

from drive import api as drive
from drive.model import Node, file_view
from search.model import Hit, ParsedQuery, Position, SourcePage, words


def find(user_id: str, query: ParsedQuery, *, below: Position | None, limit: int) -> SourcePage:
    """The files whose names match a query; none for a query without words."""
    if not query.parts:
        return SourcePage([], None)
    prefix = max((part.strip() for part in query.parts), key=len)
    nodes = drive.files_by_name(user_id=user_id, prefix=prefix, fits=lambda name: query.matches(words(name)))
    hits = sorted((_hit(node) for node in nodes if _passes(node, query)), key=lambda hit: hit.position, reverse=True)
    page = [hit for hit in hits if below is None or hit.position < below]
    return SourcePage(page[:limit], page[limit - 1].position if len(page) > limit else None)


def _passes(node: Node, query: ParsedQuery) -> bool:
    return (
        query.conversation_id in (None, node.conversation_id)
        and query.sender_id in (None, node.owner_id)
        and (query.before is None or node.updated_at < query.before)
    )


def _hit(node: Node) -> Hit:
    return Hit((node.updated_at, node.id), {"kind": "file", **file_view(node)})
