"""Figures by day: who registered, who was there, what was sent, called, stored and spent.

Counted when asked for, from the tables that know, so that nothing is written with each message for it. That is exact
and quick for some hundred thousand rows; where reading takes longer than 6 s the figures say that they are not
complete, and the metrics of the functions (docs/deploy.md) are the better source.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from administration import stats_store
from kernel import clock
from kernel.errors import ValidationFailed

DAYS_MAX = 92
PATIENCE_S = 6.0
MICRO = 1_000_000


@dataclass(slots=True)
class Day:
    """What was counted of one day (UTC). `storage` in bytes added, `ai_spend` in US dollars."""

    day: str
    users: int = 0
    active: int = 0
    messages: int = 0
    calls: int = 0
    storage: int = 0
    ai_spend: float = 0.0


@dataclass(slots=True)
class Figures:
    """The days asked for, oldest first; `complete` is false where there was no time to read everything."""

    items: list[Day]
    complete: bool = True
    _by_day: dict[str, Day] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_day = {each.day: each for each in self.items}

    def of(self, instant_ms: object) -> Day | None:
        return self._by_day.get(clock.rfc3339(int(str(instant_ms)))[:10])

    def named(self, day: str) -> Day | None:
        return self._by_day.get(day)


def figures(*, since: int | None, until: int | None, patience_s: float = PATIENCE_S) -> Figures:
    """The figures of the days from `since` to `until` (ms), by default the last 30; raises ValidationFailed."""
    last = clock.now() if until is None else until
    first = last - 29 * clock.DAY if since is None else since
    if not 0 <= first <= last or last - first > DAYS_MAX * clock.DAY:
        raise ValidationFailed.of("from", f"must be before `to`, and at most {DAYS_MAX} days")
    numbers = range(first // clock.DAY, last // clock.DAY + 1)
    found = Figures([Day(clock.rfc3339(number * clock.DAY)[:10]) for number in numbers])
    deadline = time.monotonic() + patience_s
    for count in _COUNTS:
        for _ in count(found):
            if time.monotonic() > deadline:
                found.complete = False
                return found
    return found


# Each counts one thing and yields after every page of a table that it has read.


def _users(found: Figures) -> Iterator[None]:
    for row in stats_store.rows("users", ("created_at",)):
        if row is None:
            yield
        elif day := found.of(row["created_at"]):
            day.users += 1


def _active(found: Figures) -> Iterator[None]:
    """Each person once a day, by when their sessions were renewed last."""
    seen: dict[str, set[str]] = defaultdict(set)
    for row in stats_store.rows("sessions", ("user_id", "last_seen_at")):
        if row is None:
            yield
        elif day := found.of(row["last_seen_at"]):
            seen[day.day].add(row["user_id"])
            day.active = len(seen[day.day])


def _calls(found: Figures) -> Iterator[None]:
    for row in stats_store.rows("calls", ("created_at",)):
        if row is None:
            yield
        elif day := found.of(row["created_at"]):
            day.calls += 1


def _spent(found: Figures) -> Iterator[None]:
    for row in stats_store.rows("assistant", ("entry", "micro_usd"), kind=("owner", "deployment")):
        if row is None:
            yield
        elif day := found.named(str(row["entry"]).removeprefix("day#")):
            day.ai_spend = int(row.get("micro_usd", 0)) / MICRO


def _stored(found: Figures) -> Iterator[None]:
    for row in stats_store.rows("drive", ("created_at", "size"), kind=("kind", "file")):
        if row is None:
            yield
        elif "created_at" in row and (day := found.of(row["created_at"])):
            day.storage += int(row.get("size", 0))


def _messages(found: Figures) -> Iterator[None]:
    for row in stats_store.rows("events", ("at",), kind=("type", "message.created")):
        if row is None:
            yield
        elif day := found.of(row["at"]):
            day.messages += 1


_COUNTS: tuple[Callable[[Figures], Iterator[None]], ...] = (_users, _active, _calls, _spent, _stored, _messages)
