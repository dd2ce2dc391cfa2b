"""Search: a page of results from all sources, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernel.paging import Page, Paginator, fitting
from search.model import ParsedQuery, Source, merge


def find(
    *, user_id: str, query: ParsedQuery, sources: Sequence[Source], limit: int, page: str | None
) -> Page[dict[str, Any]]:
    """A page of results that the caller may see; it may be short even if there is a next one.

    Raises NotFound for a conversation of which the caller is not a member, InvalidCursor.
    """
    paging = Paginator(page, user_id, "search", repr(query))
    below = None if paging.start is None else (paging.start[0], paging.start[1])
    found = merge([source(user_id, query, below=below, limit=limit) for source in sources], limit)
    items, scanned_to = [hit.found for hit in found.hits], found.scanned_to
    if (fit := fitting(items)) < len(items):
        items, scanned_to = items[:fit], found.hits[fit - 1].position
    return Page(items, paging.cursor(scanned_to))
