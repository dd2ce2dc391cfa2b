"""Calls for other domains: live calls for `sync`, and the people for whom a call is ringing."""

from __future__ import annotations

from calls.service import live, ringing_for
