"""Statistics by day: registrations, active people, messages, calls, storage and spending.

They are counted on request from the domains' tables, so that no message costs an extra write. Counting is exact and
quick for some hundred thousand rows; where it takes longer than 6 s the result is marked incomplete, and the metrics of
the functions (docs/deploy.md) are the better source.
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
    """Counts of one day (UTC). `storage` is bytes added, `ai_spend` US dollars."""

    day: str
    users: int = 0
    active: int = 0
    messages: int = 0
    calls: int = 0
    storage: int = 0
    ai_spend: float = 0.0


@dataclass(slots=True)
class DailyCounts:
    """The requested days, oldest first; `complete` is false when counting ran out of time."""

    items: list[Day]
    complete: bool = True
    _by_day: dict[str, Day] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_day = {each.day: each for each in self.items}

    def day_of(self, instant_ms: object) -> Day | None:
        return self.find_day(clock.rfc3339(int(str(instant_ms)))[:10])

    def find_day(self, date: str) -> Day | None:
        return self._by_day.get(date)


def count_days(*, since: int | None, until: int | None, patience_s: float = PATIENCE_S) -> DailyCounts:
    """The counts of the days from `since` to `until` (ms), by default the last 30.

    Raises ValidationFailed for an empty range or one of more than 92 days.
    """
    last = clock.now() if until is None else until
    first = last - 29 * clock.DAY if since is None else since
    if not 0 <= first <= last or last - first > DAYS_MAX * clock.DAY:
        raise ValidationFailed.of("from", f"must be before `to`, and at most {DAYS_MAX} days")
    numbers = range(first // clock.DAY, last // clock.DAY + 1)
    counts = DailyCounts([Day(clock.rfc3339(number * clock.DAY)[:10]) for number in numbers])
    deadline = time.monotonic() + patience_s
    for counter in _COUNTERS:
        for _ in counter(counts):
            if time.monotonic() > deadline:
                counts.complete = False
                return counts
    return counts


# Each counter counts one thing and yields after every page of a table, so that `count_days` can stop it.


def _users(counts: DailyCounts) -> Iterator[None]:
    for row in stats_store.rows("users", ("created_at",)):
        if row is None:
            yield
        elif day := counts.day_of(row["created_at"]):
            day.users += 1


def _active(counts: DailyCounts) -> Iterator[None]:
    """Each person once a day, by the last renewal of their sessions."""
    seen: dict[str, set[str]] = defaultdict(set)
    for row in stats_store.rows("sessions", ("user_id", "last_seen_at")):
        if row is None:
            yield
        elif day := counts.day_of(row["last_seen_at"]):
            seen[day.day].add(row["user_id"])
            day.active = len(seen[day.day])


def _calls(counts: DailyCounts) -> Iterator[None]:
    for row in stats_store.rows("calls", ("created_at",)):
        if row is None:
            yield
        elif day := counts.day_of(row["created_at"]):
            day.calls += 1


def _spent(counts: DailyCounts) -> Iterator[None]:
    for row in stats_store.rows("assistant", ("entry", "micro_usd"), kind=("owner", "deployment")):
        if row is None:
            yield
        elif day := counts.find_day(str(row["entry"]).removeprefix("day#")):
            day.ai_spend = int(row.get("micro_usd", 0)) / MICRO


def _stored(counts: DailyCounts) -> Iterator[None]:
    for row in stats_store.rows("drive", ("created_at", "size"), kind=("kind", "file")):
        if row is None:
            yield
        elif "created_at" in row and (day := counts.day_of(row["created_at"])):
            day.storage += int(row.get("size", 0))


def _messages(counts: DailyCounts) -> Iterator[None]:
    for row in stats_store.rows("events", ("at",), kind=("type", "message.created")):
        if row is None:
            yield
        elif day := counts.day_of(row["at"]):
            day.messages += 1


_COUNTERS: tuple[Callable[[DailyCounts], Iterator[None]], ...] = (_users, _active, _calls, _spent, _stored, _messages)
