"""Search as other domains use it: the caller's messages that answer a query, each as they may see it now."""

from __future__ import annotations

from search.messages import find as find_messages

__all__ = ["find_messages"]
