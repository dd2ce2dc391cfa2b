"""Presence as other domains use it: news of sockets and of blocks. None of it raises: it is a hint."""

from __future__ import annotations

from presence.service import block_changed, came, went

__all__ = ["block_changed", "came", "went"]
