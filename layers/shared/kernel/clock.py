"""The time: one source, which tests can hold. All instants are whole milliseconds since 1970 UTC."""

from __future__ import annotations

import re
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
_EPOCH = datetime(1970, 1, 1)  # without a zone, which `isoformat` would write
END = 253_402_300_800_000  # the end of the year 9999, the last that RFC 3339 can express

# Python also reads other notations of ISO 8601: weeks, no separators, no seconds. A space for the T is allowed (5.6).
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII)

_source: Callable[[], int] = lambda: time.time_ns() // 1_000_000  # noqa: E731 - a variable that `held` replaces


def now() -> int:
    """The present instant in ms."""
    return _source()


def now_s() -> int:
    """The present instant in whole seconds, the unit of TTL attributes and tokens."""
    return _source() // SECOND


def rfc3339(instant_ms: int) -> str:
    """`2026-11-22T21:24:05.123Z` (contract: RFC 3339, UTC, milliseconds)."""
    return f"{(_EPOCH + timedelta(milliseconds=instant_ms)).isoformat(timespec='milliseconds')}Z"


def parse(text: str) -> int:
    """The instant of an RFC 3339 time with a zone, in ms, rounded down; raises ValueError. Leap seconds are refused."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("must be an RFC 3339 time with its zone")
    try:
        moment = datetime.fromisoformat(text.upper())
        instant_ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise ValueError("must be an RFC 3339 time with its zone") from error
    if instant_ms >= END:
        raise ValueError("must be an RFC 3339 time with its zone, before the year 10000")
    return instant_ms


@cache
def zone(name: str) -> ZoneInfo:
    """The IANA time zone with this name, by the rules of the tzdata package; raises ValueError.

    The package is updated with our releases. Python prefers the zone files of the machine, which may be years old, and
    would be an hour off for a region that has changed its rules since.
    """
    import zoneinfo

    zoneinfo.reset_tzpath(to=())
    try:
        return zoneinfo.ZoneInfo.no_cache(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: the name of a folder
        raise ValueError("must be a zone of the IANA time zone database, such as Europe/Berlin") from error


@contextmanager
def held(at_ms: int) -> Iterator[Callable[[int], None]]:
    """Hold the clock at `at_ms`; the yielded function advances it by a number of ms. For tests."""
    global _source
    before, moment = _source, [at_ms]

    def advance(by_ms: int) -> None:
        moment[0] += by_ms

    _source = lambda: moment[0]  # noqa: E731
    try:
        yield advance
    finally:
        _source = before
