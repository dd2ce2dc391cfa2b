"""The audit log for other domains: they record acts, platform admins read entries."""

from __future__ import annotations

from audit.service import entries, entries_about, proof, record, stage
