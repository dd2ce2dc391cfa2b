"""Calls as other domains use them: which ring or go on, for `sync`, and for whom one rings."""

from __future__ import annotations

from calls.service import live, ringing_for

__all__ = ["live", "ringing_for"]
