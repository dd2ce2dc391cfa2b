"""Calls as other domains use them: which ring or go on, for `sync`."""

from __future__ import annotations

from calls.service import live

__all__ = ["live"]
