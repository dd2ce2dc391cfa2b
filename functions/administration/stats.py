"""Statistics by day: registrations, active people, messages, calls, storage and spending.

They are counted on request from the domains' tables, so that no message costs an extra write. Counting is exact and
quick for some hundred thousand rows; where it takes longer than 6 s the result is marked incomplete, and the metrics of
the functions (docs/deploy.md) are the better source.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from administration import stats_store
from kernel import clock
from kernel.errors import ValidationFailed

DAYS_MAX = 92
PATIENCE_S = 6.0
MICRO = 1_000_000
Row = Mapping[str, Any]


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
    seen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # who was active, by day
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
    for (table, names, kind), count in _COUNTED.items():
        for row in stats_store.rows(table, names, kind=kind):
            if row is not None:
                count(counts, row)
            elif time.monotonic() > deadline:
                counts.complete = False
                return counts
    return counts


def _user(counts: DailyCounts, row: Row) -> None:
    if day := counts.day_of(row["created_at"]):
        day.users += 1


def _session(counts: DailyCounts, row: Row) -> None:
    """Each person once a day, by the last renewal of their sessions."""
    if day := counts.day_of(row["last_seen_at"]):
        counts.seen[day.day].add(row["user_id"])
        day.active = len(counts.seen[day.day])


def _call(counts: DailyCounts, row: Row) -> None:
    if day := counts.day_of(row["created_at"]):
        day.calls += 1


def _spending(counts: DailyCounts, row: Row) -> None:
    if day := counts.find_day(str(row["entry"]).removeprefix("day#")):
        day.ai_spend = int(row.get("micro_usd", 0)) / MICRO


def _file(counts: DailyCounts, row: Row) -> None:
    """Files whose bytes are kept: not of uploads that have not arrived, and not of rejected ones."""
    if row.get("state") in ("ready", "trashed") and (day := counts.day_of(row["created_at"])):
        day.storage += int(row.get("size", 0))


def _message(counts: DailyCounts, row: Row) -> None:
    if day := counts.day_of(row["at"]):
        day.messages += 1


# What is counted of the rows of a table: (table, attributes, the kind of rows), as `stats_store.rows` takes them.
_COUNTED: Mapping[tuple[str, tuple[str, ...], tuple[str, str] | None], Callable[[DailyCounts, Row], None]] = {
    ("users", ("created_at",), None): _user,
    ("sessions", ("user_id", "last_seen_at"), None): _session,
    ("calls", ("created_at",), None): _call,
    ("assistant", ("entry", "micro_usd"), ("owner", "deployment")): _spending,
    ("drive", ("created_at", "size", "state"), ("kind", "file")): _file,
    ("events", ("at",), ("type", "message.created")): _message,
}
