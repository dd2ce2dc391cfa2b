"""Recorded acts, and the entries of the chain that they become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kernel import clock

GENESIS_HASH = "0" * 64  # the hash before the first entry


@dataclass(frozen=True, slots=True)
class Act:
    """Something done or refused at `at` (ms). `actor` is None if unknown, `target` if the act has none.

    `details` holds ids, codes and numbers only.
    """

    id: str
    at: int
    actor: str | None
    action: str
    target: str | None
    ip: str | None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """Act number `n` of the chain; `previous` is the hash of the entry before it."""

    n: int
    at: int
    actor: str | None
    action: str
    target: str | None
    ip: str | None
    details: Mapping[str, Any]
    previous: str
    hash: str

    @property
    def content(self) -> dict[str, Any]:
        """The fields that are hashed, and returned with the hash (contract §11)."""
        return {
            "n": self.n,
            "at": clock.rfc3339(self.at),
            "actor": self.actor,
            "action": self.action,
            "target": self.target,
            "ip": self.ip,
            "details": dict(self.details),
        }


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: the number and the hash of its last entry."""

    n: int = 0
    hash: str = GENESIS_HASH


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Conditions that an entry has to meet; None accepts anything. Times in ms: `since` ≤ at < `until`."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: int = 0
    until: int = clock.END

    def covers(self, entry: Entry) -> bool:
        return (
            self.actor in (None, entry.actor)
            and self.action in (None, entry.action)
            and self.target in (None, entry.target)
            and self.since <= entry.at < self.until
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """Values to verify an export: its first and last number, the hash before the first, and that of the last."""

    first: int
    last: int
    previous_hash: str
    head_hash: str
