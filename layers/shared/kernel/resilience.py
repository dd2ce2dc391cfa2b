"""Time limits, circuit breakers and retry: the rules every outgoing call keeps."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, TypeVar

from kernel import deadline
from kernel.errors import Timeout

T = TypeVar("T")
State = Literal["closed", "open", "half_open"]

# Request paths (design: settled point 7). Worst case of one AWS call: 2 x (0.5 + 2) s and one pause.
AWS_CONNECT_TIMEOUT_S = 0.5
AWS_READ_TIMEOUT_S = 2.0
AWS_ATTEMPTS = 2
AWS_PAUSE_MAX_S = 1.0  # botocore's, between the two
REDIS_TIMEOUT_S = 0.1
SOCKET_POST_TIMEOUT_S = 1.0


class CircuitOpen(Exception):
    """The breaker rejects calls now; nothing was sent."""


@dataclass(slots=True)
class Breaker:
    """A circuit breaker: opens after `threshold` failures in a row, lets one probe through after `cooldown_s`.

    In-process by design: it must cost microseconds and know what this process sees.
    """

    name: str
    threshold: int = 5
    cooldown_s: float = 5.0
    opens: int = 0
    rejections: int = 0
    _failures: int = 0
    _opened_at: float | None = None
    _probing: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def state(self) -> State:
        if self._opened_at is None:
            return "closed"
        return "half_open" if time.monotonic() - self._opened_at >= self.cooldown_s else "open"

    def admit(self) -> None:
        """Raise CircuitOpen unless a call may be tried; half-open admits exactly one at a time."""
        with self._lock:
            state = self.state
            if state == "closed":
                return
            if state == "open" or self._probing:
                self.rejections += 1
                raise CircuitOpen(self.name)
            self._probing = True

    def succeeded(self) -> None:
        with self._lock:
            self._failures, self._opened_at, self._probing = 0, None, False

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            if self._probing or (self._opened_at is None and self._failures >= self.threshold):
                self._opened_at = time.monotonic()
                self.opens += 1
            self._probing = False

    def abandoned(self) -> None:
        """A call ended before its dependency could be told good or bad."""
        with self._lock:
            self._probing = False

    def call(self, attempt: Callable[[], T], failures: tuple[type[BaseException], ...]) -> T:
        """Run `attempt` through the breaker; the `failures` count against it, other exceptions do not.

        Raises Timeout where the invocation's deadline has come, before the attempt or by its failure.
        """
        deadline.require()
        self.admit()
        try:
            result = attempt()
        except failures as error:
            if deadline.left_s() <= 0:
                self.abandoned()
                raise Timeout from error
            self.failed()
            raise
        except Timeout:
            self.abandoned()
            raise
        except BaseException:
            self.succeeded()
            raise
        self.succeeded()
        return result


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
