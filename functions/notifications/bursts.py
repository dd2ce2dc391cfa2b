"""Debouncing: one alert per person, conversation and 30 s, and at most one update after it. Pure.

The state of a conversation is one small value: for each alerted person the time, the event of the alert, and the latest
event since. The outcome does not depend on the order or number of deliveries: an event covered by a later alert is
silent, and the event of an alert makes the same alert again, which the sender recognises by its key.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from kernel import clock

WINDOW_MS = 30 * clock.SECOND
KEPT_MS = 7 * clock.DAY  # how long an unread alert can still be dismissed
_CODE_BYTES = 6
_ENTRY = struct.Struct(f">{_CODE_BYTES}sIII")  # 18 bytes: forty people fit one write unit
Outcome = Literal["alert", "owed", "covered"]


@dataclass(frozen=True, slots=True)
class Alerted:
    """One person's alert: its time (s, rounded up), its event, and the latest event to notify them of."""

    at_s: int
    alert_seq: int
    last_seq: int

    @property
    def owed(self) -> bool:
        """Whether an update is owed, because events followed the alert."""
        return self.last_seq > self.alert_seq

    @property
    def due_at(self) -> int:
        """The earliest instant of the update, in ms."""
        return self.at_s * clock.SECOND + WINDOW_MS


def apply_event(before: Alerted | None, seq: int, now: int) -> tuple[Outcome, Alerted]:
    """The outcome of an event for a person who is to be notified of it, and their alert after it."""
    if before is not None:
        if seq == before.alert_seq:
            return "alert", before
        if seq <= before.last_seq:
            return "covered", before
        if now < before.due_at:
            return "owed", before if before.owed else replace(before, last_seq=seq)
    return "alert", Alerted(-(-now // clock.SECOND), seq, seq)


def after_update(before: Alerted, last_seq: int) -> Alerted:
    """The alert after the update was sent: nothing up to `last_seq` is owed."""
    known = max(before.last_seq, last_seq)
    return replace(before, alert_seq=known, last_seq=known)


def user_code(user_id: str) -> bytes:
    """A hash of six bytes for a person. Two of 1,000 members collide in one of 560 million conversations; then one of
    the two is notified of a message 30 s late."""
    return hashlib.sha256(user_id.encode()).digest()[:_CODE_BYTES]


def pack(alerts: Mapping[bytes, Alerted], now: int) -> bytes:
    """The state as bytes, without alerts older than `KEPT_MS`."""
    oldest = (now - KEPT_MS) // clock.SECOND
    return b"".join(
        _ENTRY.pack(who, each.at_s, each.alert_seq, each.last_seq)
        for who, each in sorted(alerts.items())
        if each.at_s >= oldest
    )


def unpack(raw: bytes) -> dict[bytes, Alerted]:
    return {who: Alerted(at_s, alert, last) for who, at_s, alert, last in _ENTRY.iter_unpack(raw)}


def for_users(alerts: Mapping[bytes, Alerted], user_ids: Iterable[str]) -> dict[str, Alerted]:
    """The alerts of these people, by id."""
    return {user_id: alerts[mark] for user_id in user_ids if (mark := user_code(user_id)) in alerts}
