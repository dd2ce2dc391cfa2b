"""Presence as other domains use it: news of sockets. None of it raises: it is a hint."""

from __future__ import annotations

from presence.service import came, went

__all__ = ["came", "went"]
