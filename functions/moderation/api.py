"""Moderation as platform admins use it: what groups hand on to them."""

from __future__ import annotations

from moderation.service import escalated

__all__ = ["escalated"]
