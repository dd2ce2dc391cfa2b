"""Time limits, pauses and retry: the rules every outgoing call keeps. Breakers are in `kernel.breakers`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import TypeVar

from kernel import deadline

T = TypeVar("T")

# Request paths. What AWS's calls wait for in vain together is bounded by the breaker's patience (`kernel.breakers`).
AWS_CONNECT_TIMEOUT_S = 0.5
AWS_READ_TIMEOUT_S = 2.0
REDIS_TIMEOUT_S = 0.1
SOCKET_POST_TIMEOUT_S = 1.0


def full_jitter(attempt: int, base_s: float, cap_s: float) -> float:
    """A pause before retry `attempt` (from 0): uniform in 0…min(cap, base·2^attempt) (AWS: full jitter)."""
    return random.uniform(0.0, min(cap_s, base_s * 2**attempt))  # noqa: S311 - spreading load, not a secret


def retry_loop(patience_s: float, *, base_s: float, cap_s: float) -> Iterator[int]:
    """The turns (from 0) of a change that others may come before: the first at once, each next one after a jittered
    pause, until that pause would end beyond `patience_s`. Raises Timeout when the invocation's deadline is sooner."""
    until = time.monotonic() + patience_s
    for turn in count():
        yield turn
        pause = full_jitter(turn, base_s, cap_s)
        if time.monotonic() + pause > until:
            return
        deadline.pause(pause)


def retried(attempt: Callable[[], T], *, on: type[Exception], tries: int = 5) -> T:
    """The outcome of `attempt`, tried again after a jittered pause when it meets another's change (`on`)."""
    for turn in range(tries - 1):
        try:
            return attempt()
        except on:
            deadline.pause(full_jitter(turn, 0.02, 0.2))
    return attempt()
