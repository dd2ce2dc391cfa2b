"""The deadline of an invocation: it bounds every outgoing call and every pause between two tries.

It is kept in a context variable, so that nobody hands it on: `http`, `websocket` and `consumers` set it, `aws`,
`cache`, `sockets` and `resilience` ask for it. Outside of an invocation there is none.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from kernel.errors import Timeout

ANSWER_MAX_S = 10.0  # nobody waits longer for an answer (contract)
MARGIN_S = 1.0  # of the function's own time limit: a connect that began before (0.5 s), the answer, the call's line
SHORTEST_S = 0.001  # a time limit of zero would mean none

_ends_at: ContextVar[float] = ContextVar("deadline", default=math.inf)


@contextmanager
def of(context: Any, *, at_most_s: float = math.inf) -> Iterator[None]:
    """Hold the deadline of an invocation: what Lambda's context has left less a margin, and at most `at_most_s`."""
    remaining_ms = getattr(context, "get_remaining_time_in_millis", None)
    left = math.inf if remaining_ms is None else remaining_ms() / 1_000 - MARGIN_S
    with within(min(left, at_most_s)):
        yield


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Hold a deadline so many seconds from now, or the one that is held already if that is sooner."""
    before = _ends_at.set(min(_ends_at.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends_at.reset(before)


def left_s() -> float:
    """How many seconds are left, infinite outside of an invocation; below zero when it is over."""
    return _ends_at.get() - time.monotonic()


def ends_at(patience_s: float) -> float:
    """When a loop of tries has to end, by the monotonic clock: after `patience_s`, at the deadline at the latest."""
    return min(time.monotonic() + patience_s, _ends_at.get())


def require(seconds: float = 0.0) -> None:
    """Raises Timeout unless more than so many seconds are left."""
    if left_s() <= seconds:
        raise Timeout


def bounded(limit_s: float) -> float:
    """The time limit of a call whose own limit is `limit_s`; raises Timeout when nothing is left."""
    left = left_s()
    if left <= 0:
        raise Timeout
    return min(limit_s, max(SHORTEST_S, left))


def pause(seconds: float) -> None:
    """Sleep before another try; raises Timeout at once if the deadline comes before that."""
    require(seconds)
    time.sleep(seconds)
