"""Time: one source, held still by tests. All instants are whole milliseconds since 1970 UTC."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
END = 253_402_300_800_000  # of the year 9999, the last that RFC 3339 can write

_source: Callable[[], int] = lambda: time.time_ns() // 1_000_000  # noqa: E731 - replaced as a whole by `held`


def now() -> int:
    """The present instant in ms."""
    return _source()


def now_s() -> int:
    """The present instant in whole seconds, the unit of TTL attributes and tokens."""
    return _source() // SECOND


def rfc3339(instant_ms: int) -> str:
    """`2026-11-22T21:24:05.123Z` (contract: RFC 3339, UTC, milliseconds)."""
    moment = datetime.fromtimestamp(instant_ms / SECOND, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{instant_ms % SECOND:03d}Z"


def parse(text: str) -> int:
    """The instant of an RFC 3339 time with its zone, in ms (finer parts are dropped); raises ValueError."""
    try:
        instant_ms = (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    except (ValueError, TypeError, OverflowError) as error:  # TypeError: it has no zone
        raise ValueError("must be an RFC 3339 time with its zone") from error
    if instant_ms >= END:
        raise ValueError("must be an RFC 3339 time with its zone, before the year 10000")
    return instant_ms


@cache
def zone(name: str) -> ZoneInfo:
    """The IANA time zone of this name by the rules of the tzdata package, which is renewed with our releases. The zone
    files of the machine, which Python prefers, may be years old: a province that turns its clocks no more would have
    its nights an hour off. Raises ValueError."""
    import zoneinfo

    zoneinfo.reset_tzpath(to=())
    try:
        return zoneinfo.ZoneInfo.no_cache(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of the package
        raise ValueError("must be a zone of the IANA time zone database, such as Europe/Berlin") from error


@contextmanager
def held(at_ms: int) -> Iterator[Callable[[int], None]]:
    """Hold the clock at `at_ms`; the yielded function moves it on by so many ms. For tests."""
    global _source
    before, moment = _source, [at_ms]

    def advance(by_ms: int) -> None:
        moment[0] += by_ms

    _source = lambda: moment[0]  # noqa: E731
    try:
        yield advance
    finally:
        _source = before
