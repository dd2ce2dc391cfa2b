"""The deadline of an invocation, which bounds every outgoing call and every pause between two attempts.

It is kept in a context variable, so that no function has to pass it on: `http`, `websocket` and `consumers` set it,
`aws`, `cache`, `sockets` and `resilience` read it. Outside of an invocation there is no deadline.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from kernel.errors import Timeout

ANSWER_MAX_S = 10.0  # the longest that a client waits for an answer (contract)
MARGIN_S = 1.0  # kept of the function's time limit for a last connect (0.5 s), the answer and the log line
SHORTEST_S = 0.001  # because zero would mean no time limit

_ends_at: ContextVar[float] = ContextVar("deadline", default=math.inf)


@contextmanager
def of(context: Any, *, at_most_s: float = math.inf) -> Iterator[None]:
    """Set the deadline of an invocation: the time left in Lambda's context less a margin, at most `at_most_s`."""
    remaining_ms = getattr(context, "get_remaining_time_in_millis", None)
    left = math.inf if remaining_ms is None else remaining_ms() / 1_000 - MARGIN_S
    with within(min(left, at_most_s)):
        yield


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Set a deadline `seconds` from now, unless the present one is sooner."""
    before = _ends_at.set(min(_ends_at.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends_at.reset(before)


def left_s() -> float:
    """The seconds left until the deadline: infinite outside of an invocation, negative after it."""
    return _ends_at.get() - time.monotonic()


def ends_at(patience_s: float) -> float:
    """The end of a loop of attempts by the monotonic clock: after `patience_s`, or at the deadline if sooner."""
    return min(time.monotonic() + patience_s, _ends_at.get())


def require(seconds: float = 0.0) -> None:
    """Raise Timeout unless more than `seconds` are left."""
    if left_s() <= seconds:
        raise Timeout


def bounded(limit_s: float) -> float:
    """The time limit of a call whose own limit is `limit_s`; raises Timeout at the deadline."""
    left = left_s()
    if left <= 0:
        raise Timeout
    return min(limit_s, max(SHORTEST_S, left))


def pause(seconds: float) -> None:
    """Sleep before another attempt; raises Timeout at once if the deadline comes first."""
    require(seconds)
    time.sleep(seconds)
