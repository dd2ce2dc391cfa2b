"""Circuit breakers: a dependency that fails or hangs is not called for a while, and then probed by one call at a time.

Each process has its own breakers: they must cost less than a microsecond, and judge by what this process sees. A
breaker opens when most of the last attempts failed, or when failed attempts have taken `patience_s` in total since the
last success. Openings, rejections and the names of open breakers are logged in the line of the present call
(`telemetry`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, TypeVar

from kernel import deadline, snapshot, telemetry
from kernel.errors import DependencyUnavailable, Timeout

T = TypeVar("T")
State = Literal["closed", "open", "half_open"]

# After a probe that hung for one second, the breaker rests for twenty: 5 % of a long outage is spent hanging.
REST_PER_HANG = 20.0
# Calls made during a probe wait this long for its result. Otherwise a request that makes several calls would fail once
# in each process after its dependency has recovered.
WAIT_FOR_PROBE_S = 0.25
PROBE_MAX_S = 1.0  # the longest limit of a probe, after others that hung: a slow but working dependency needs it
RETRIES_PER_CALL = 0.5  # attempts per call stay below 1.5 (R20) …
RETRIES_SAVED_MAX = 50.0  # … except in a burst after a calm time: with 30 % throttled, each call needs 0.43


@dataclass(frozen=True, slots=True)
class Limits:
    """When a breaker opens, and how it probes its dependency.

    It opens after `failures` of the last `window` attempts (within `window_s`), or after failed attempts of
    `patience_s` in total. A probe may take `probe_s`. The next probe comes after `rest_s`, or later if this one hung,
    at most `rest_max_s`, and may take twice as long, at most a second. At most `at_once` calls are in progress in one
    process and others are refused, so that one dependency cannot occupy all threads.
    """

    failures: int = 16
    window: int = 20
    window_s: float = 20.0
    patience_s: float = 2.5
    probe_s: float = 0.25
    rest_s: float = 1.0
    rest_max_s: float = 20.0
    at_once: int = 32


class CircuitOpen(DependencyUnavailable):
    """The breaker rejected the call; nothing was sent."""


_asking: ContextVar[bool] = ContextVar("asking", default=False)


@contextmanager
def asked_for_real() -> Iterator[None]:
    """Inside this context breakers learn from each call and reject none; for health checks."""
    before = _asking.set(True)
    try:
        yield
    finally:
        _asking.reset(before)


class Hanging:
    """The seconds that failed calls of one service took since its last success, shared by its parts' breakers."""

    __slots__ = ("waited_s",)

    def __init__(self) -> None:
        self.waited_s = 0.0


class Breaker:
    """The breaker of one dependency, or of a part that may fail alone; the parts of a service share `service`."""

    def __init__(self, name: str, limits: Limits = Limits(), service: Hanging | None = None) -> None:
        self.name = name
        self.limits = limits
        self.service = service or Hanging()
        self._window = (1 << limits.window) - 1
        self._lock = threading.Lock()
        self._probed = threading.Condition(self._lock)
        self.reset()

    def reset(self) -> None:
        """Return to the state of a new process."""
        self.opens = 0
        self.rejections = 0
        self.hung_s = 0.0  # in total
        self.service.waited_s = 0.0
        self._outcomes = 0  # one bit per attempt, 1 for a failure; the lowest is the latest
        self._latest = 0.0
        self._waited_s = 0.0  # in failed attempts since the last success
        self._opened_at: float | None = None
        self._rest_s = self.limits.rest_s
        self._probe_s = self.limits.probe_s
        self._probing = False
        self._under_way = 0
        self._retries = RETRIES_SAVED_MAX

    @property
    def state(self) -> State:
        """`half_open`: the next call is a probe."""
        if self._opened_at is None:
            return "closed"
        return "half_open" if time.monotonic() - self._opened_at >= self._rest_s else "open"

    # --- one attempt: admit, then exactly one of succeeded, failed, abandoned and cut_off ---------------------

    def admit(self, limit_s: float = 0.0) -> float:
        """The time limit in seconds for an attempt whose own limit is `limit_s`; raises CircuitOpen if it is refused.

        After failed attempts the limit is what remains of `patience_s`; a probe's limit is shorter. Calls during a
        probe wait for its result.
        """
        with self._lock:
            if self._probing and not _asking.get():
                self._probed.wait(min(self.limits.probe_s, WAIT_FOR_PROBE_S, deadline.left_s()))
            if self._opened_at is None:
                if self._under_way >= self.limits.at_once:
                    raise self._rejection(1)
                self._under_way += 1
                waited_s = self._waited_s or self.service.waited_s
                if not waited_s:
                    return limit_s
                return min(limit_s, max(self.limits.probe_s, self.limits.patience_s - waited_s))
            left_s = self._opened_at + self._rest_s - time.monotonic()
            if (left_s > 0 or self._probing) and not _asking.get():
                raise self._rejection(max(1, round(left_s + 0.5)))
            self._probing = True
            self._under_way += 1
            return min(limit_s, self._probe_s) if not _asking.get() else limit_s

    def succeeded(self) -> None:
        """The dependency answered; a refusal that is the caller's fault counts too."""
        with self._lock:
            self._under_way -= 1
            self._retries = min(RETRIES_SAVED_MAX, self._retries + RETRIES_PER_CALL)
            if self._opened_at is None:
                self._outcomes = self._outcomes << 1 & self._window
            else:
                self._opened_at, self._outcomes = None, 0
                self._rest_s, self._probe_s = self.limits.rest_s, self.limits.probe_s
                self._end_probe()
            self._waited_s = self.service.waited_s = 0.0

    def failed(self, took_s: float = 0.0) -> None:
        """The dependency did not answer, throttled the call, or failed, after `took_s` seconds."""
        now = time.monotonic()
        with self._lock:
            self._under_way -= 1
            self.hung_s += took_s
            self._waited_s += took_s
            self.service.waited_s += took_s
            known = self._outcomes if now - self._latest <= self.limits.window_s else 0
            self._outcomes = (known << 1 | 1) & self._window
            self._latest = now
            if self._probing:
                if took_s >= self._probe_s * 0.98:  # clocks are coarse
                    self._probe_s = max(self.limits.probe_s, min(PROBE_MAX_S, 2 * self._probe_s))
                self._open(now, took_s)
            elif self._opened_at is None:
                hung = max(self._waited_s, self.service.waited_s) >= self.limits.patience_s * 0.98  # clocks are coarse
                if hung or self._outcomes.bit_count() >= self.limits.failures:
                    self._open(now, self.limits.probe_s if hung else took_s)

    def abandoned(self) -> None:
        """The attempt ended without telling whether the dependency works."""
        with self._lock:
            self._under_way -= 1
            self._end_probe()

    def cut_off(self, took_s: float) -> None:
        """The invocation's deadline ended the attempt: a failure if it had at least as long as a probe has."""
        if took_s >= self.limits.probe_s:
            self.failed(took_s)
        else:
            self.abandoned()

    # --- retries, late failures and whole calls ---------------------------------------------------------------

    def may_retry(self) -> bool:
        """Whether a failed attempt may be retried; takes one from the budget, to which each success adds a half."""
        with self._lock:
            if self._opened_at is not None or self._retries < 1:
                return False
            self._retries -= 1
            return True

    def broke_off(self, took_s: float = 0.0) -> None:
        """An answer that was counted as a success broke off after `took_s` seconds."""
        with self._lock:
            self._under_way += 1
        self.failed(took_s)

    def call(self, attempt: Callable[[], T], failures: tuple[type[BaseException], ...]) -> T:
        """Run `attempt`, which has its own time limit; exceptions in `failures` count as failures, others do not.

        Raises CircuitOpen, and Timeout if the invocation's deadline has passed before the attempt or when it fails.
        """
        deadline.require()
        self.admit()
        started = time.monotonic()
        try:
            result = attempt()
        except failures as error:
            took_s = time.monotonic() - started
            if deadline.left_s() <= 0:
                self.cut_off(took_s)
                raise Timeout from error
            self.failed(took_s)
            raise
        except Timeout:
            self.cut_off(time.monotonic() - started)
            raise
        except BaseException:
            self.succeeded()
            raise
        self.succeeded()
        return result

    def _open(self, now: float, hung_s: float) -> None:
        if self._opened_at is None:
            self.opens += 1
            telemetry.total("BreakerOpens", breakers_open=self.name)
        self._opened_at = now
        self._end_probe()
        self._rest_s = min(self.limits.rest_max_s, max(self.limits.rest_s, REST_PER_HANG * hung_s))

    def _end_probe(self) -> None:
        self._probing = False
        self._probed.notify_all()

    def _rejection(self, retry_after_s: int) -> CircuitOpen:
        self.rejections += 1
        telemetry.total("BreakerRejections", breakers_open=self.name)
        return CircuitOpen(retry_after_s=retry_after_s)


_registered: dict[str, Breaker] = {}


def named(name: str, limits: Limits = Limits(), service: Hanging | None = None) -> Breaker:
    """The breaker with this name in this process, made on first use."""
    found = _registered.get(name)
    if found is None:
        found = _registered.setdefault(name, Breaker(name, limits, service))
    return found


def every() -> Mapping[str, Breaker]:
    """All named breakers of this process."""
    return dict(_registered)


@snapshot.after
def reset_all() -> None:
    """Close all breakers and clear their history."""
    for breaker in _registered.values():
        breaker.reset()
