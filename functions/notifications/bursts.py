"""One alert per person, conversation and 30 s, and at most one update after it. Pure.

The state of a conversation is one small value: for each person alerted when, for which event, and the last event
they would have been told of since. Whatever order events come in and however often, the outcome is the same: an event
that is covered by a later alert says nothing, one that made the alert makes the same alert again, which the sending
side recognises by its key.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from kernel import clock

WINDOW_MS = 30 * clock.SECOND
KEPT_MS = 7 * clock.DAY  # how long an alert that was not read can still be dismissed
_CODE_BYTES = 6
_ENTRY = struct.Struct(f">{_CODE_BYTES}sIII")  # 18 bytes: forty people fit one write unit
Outcome = Literal["alert", "owed", "covered"]


@dataclass(frozen=True, slots=True)
class Alerted:
    """One person's alert: when (in seconds, rounded up), for which event, and the last event they should know of."""

    at_s: int
    alert_seq: int
    last_seq: int

    @property
    def owed(self) -> bool:
        """Whether something came after the alert that an update has to tell of."""
        return self.last_seq > self.alert_seq

    @property
    def due_at(self) -> int:
        """The instant from which the update may go out, in ms."""
        return self.at_s * clock.SECOND + WINDOW_MS


def told(before: Alerted | None, seq: int, now: int) -> tuple[Outcome, Alerted]:
    """What an event does that its person is to be told of."""
    if before is not None:
        if seq == before.alert_seq:
            return "alert", before
        if seq <= before.last_seq:
            return "covered", before
        if now < before.due_at:
            return "owed", before if before.owed else replace(before, last_seq=seq)
    return "alert", Alerted(-(-now // clock.SECOND), seq, seq)


def updated(before: Alerted, last_seq: int) -> Alerted:
    """After the update went out: nothing is owed up to `last_seq`."""
    known = max(before.last_seq, last_seq)
    return replace(before, alert_seq=known, last_seq=known)


def code(user_id: str) -> bytes:
    """Six bytes that stand for a person: two of a thousand members share theirs once in 560 million conversations,
    and then one of the two hears of a message 30 s late."""
    return hashlib.sha256(user_id.encode()).digest()[:_CODE_BYTES]


def packed(alerts: Mapping[bytes, Alerted], now: int) -> bytes:
    """The state as bytes, without what is too old to matter."""
    oldest = (now - KEPT_MS) // clock.SECOND
    return b"".join(
        _ENTRY.pack(who, each.at_s, each.alert_seq, each.last_seq)
        for who, each in sorted(alerts.items())
        if each.at_s >= oldest
    )


def unpacked(raw: bytes) -> dict[bytes, Alerted]:
    return {who: Alerted(at_s, alert, last) for who, at_s, alert, last in _ENTRY.iter_unpack(raw)}


def of_people(alerts: Mapping[bytes, Alerted], user_ids: Iterable[str]) -> dict[str, Alerted]:
    """The alerts of these people, by id."""
    return {user_id: alerts[mark] for user_id in user_ids if (mark := code(user_id)) in alerts}
