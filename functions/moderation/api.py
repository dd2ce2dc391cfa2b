"""Moderation as others use it: what groups hand on to platform admins, and reports by a group's own policy."""

from __future__ import annotations

from moderation.service import escalated, flag

__all__ = ["escalated", "flag"]
