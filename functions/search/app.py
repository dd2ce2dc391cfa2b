"""The route of search (contract §5)."""

from __future__ import annotations

from typing import Any

import composition  # noqa: F401 - the contents of messages and the events of all domains
from accounts.api import authenticate
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit
from search import files, messages, model, service
from search.schemas import Results, SearchQuery

SEARCHES = Limit("search", requests=300, window_s=60, without_redis="closed")
SOURCES = (messages.find, files.find)

app = App("search", authenticate=authenticate)


@app.get("/search", query=SearchQuery, returns=Results, limits=[SEARCHES])
def search(caller: Caller, query: SearchQuery) -> Any:
    """Find messages and files by words and their prefixes, newest first; case and accents are ignored."""
    parsed = model.parse(
        query.q,
        conversation_id=query.conversation_id,
        sender_id=query.sender_id,
        before=query.before,
        has_file=query.has is not None,
    )
    return service.find(user_id=caller.user_id, query=parsed, sources=SOURCES, limit=query.limit, page=query.cursor)
