"""The audit log as other domains use it: they write acts down, platform admins read them."""

from __future__ import annotations

from audit.service import entries, proof, record, stage

__all__ = ["entries", "proof", "record", "stage"]
