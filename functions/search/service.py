"""Searching: a page of results from all sources, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernel.paging import Page, Paginator, fitting
from search.model import Source, Wanted, merge


def find(
    *, user_id: str, wanted: Wanted, sources: Sequence[Source], limit: int, page: str | None
) -> Page[dict[str, Any]]:
    """What the caller may see of what answers the query; a page may be short though a next one is there.

    Raises NotFound for a conversation that the caller is no member of, InvalidCursor.
    """
    paging = Paginator(page, user_id, "search", repr(wanted))
    below = None if paging.start is None else (paging.start[0], paging.start[1])
    found = merge([source(user_id, wanted, below=below, limit=limit) for source in sources], limit)
    items, looked_to = [hit.found for hit in found.hits], found.looked_to
    if (fit := fitting(items)) < len(items):
        items, looked_to = items[:fit], found.hits[fit - 1].position
    return Page(items, paging.cursor(looked_to))
