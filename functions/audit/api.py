"""The audit log as other domains use it: they write acts down, platform admins read them."""

from __future__ import annotations

from audit.service import about, entries, proof, record, stage

__all__ = ["about", "entries", "proof", "record", "stage"]
