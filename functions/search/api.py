"""Search for other domains: the messages that match a query, as the caller may see them now."""

from __future__ import annotations

from search.messages import find as find_messages
