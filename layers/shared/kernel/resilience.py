"""Time limits, pauses and retries, the rules for every outgoing call. Breakers are in `kernel.breakers`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import TypeVar

from kernel import deadline

T = TypeVar("T")

# Limits in request paths. The total time of failed AWS calls is bounded by the breaker's patience (`kernel.breakers`).
AWS_CONNECT_TIMEOUT_S = 0.5
AWS_READ_TIMEOUT_S = 2.0
REDIS_TIMEOUT_S = 0.1
SOCKET_POST_TIMEOUT_S = 1.0


def full_jitter(attempt: int, base_s: float, cap_s: float) -> float:
    """A pause in seconds before retry `attempt` (from 0): uniform in 0…min(cap, base·2^attempt) (AWS: full jitter)."""
    return random.uniform(0.0, min(cap_s, base_s * 2**attempt))  # noqa: S311 - spreading load, not a secret


def retry_loop(patience_s: float, *, base_s: float, cap_s: float) -> Iterator[int]:
    """Attempts (from 0) at a change that may conflict with others: the first at once, others after a jittered pause.

    Ends before a pause that would exceed `patience_s`. Raises Timeout if the invocation's deadline is sooner.
    """
    until = time.monotonic() + patience_s
    for attempt in count():
        yield attempt
        pause = full_jitter(attempt, base_s, cap_s)
        if time.monotonic() + pause > until:
            return
        deadline.pause(pause)


def retried(attempt: Callable[[], T], *, on: type[Exception], tries: int = 5) -> T:
    """The result of `attempt`, repeated after a jittered pause if it raises `on` because of a concurrent change."""
    for number in range(tries - 1):
        try:
            return attempt()
        except on:
            deadline.pause(full_jitter(number, 0.02, 0.2))
    return attempt()
