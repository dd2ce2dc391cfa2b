"""Searching: a page of results from all sources, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernel import cursor
from kernel.cursor import Page
from search.model import Source, Wanted, merge


def find(
    *, user_id: str, wanted: Wanted, sources: Sequence[Source], limit: int, page: str | None
) -> Page[dict[str, Any]]:
    """What the caller may see of what answers the query; a page may be short though a next one is there.

    Raises NotFound for a conversation that the caller is no member of, InvalidCursor.
    """
    bound_to = (user_id, "search", repr(wanted))
    below = None
    if page is not None:
        at, key = cursor.unseal(page, bound_to=bound_to)
        below = (at, key)
    found = merge([source(user_id, wanted, below=below, limit=limit) for source in sources], limit)
    items, looked_to = [hit.found for hit in found.hits], found.looked_to
    if (fit := cursor.fitting(items)) < len(items):
        items, looked_to = items[:fit], found.hits[fit - 1].position
    return Page(items, None if looked_to is None else cursor.seal(list(looked_to), bound_to=bound_to))
