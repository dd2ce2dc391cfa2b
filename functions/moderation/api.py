"""Moderation for other domains: escalated reports for platform admins, and reports made by a group's policy."""

from __future__ import annotations

from moderation.service import escalated, flag
