"""Circuit breakers: a dependency that fails or hangs is given up, and asked again by one cheap call at a time.

Each process has its own, as they must cost under a microsecond and judge by what this process sees. A breaker opens
when most of the last tries have failed, or when failed tries have taken `patience_s` together with no success since.
Opens, rejections and the names of open breakers go into the line of the call under way (`telemetry`).
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

# A probe that hung for one second is followed by twenty without one: 5 % of a long outage is spent hanging.
REST_PER_HANG = 20.0
# Calls that are made while a probe is under way wait so long for what it finds: a request that asks several things at
# once would fail by the others, in each process once, though its dependency is well again.
WAIT_FOR_PROBE_S = 0.25
PROBE_MAX_S = 1.0  # of one after others that hung: what is slow but well is found so
RETRIES_PER_CALL = 0.5  # attempts per call stay below 1.5 (R20) …
RETRIES_SAVED_MAX = 50.0  # … but for a burst after a calm time: at 30 % of throttles 0.43 are needed for each


@dataclass(frozen=True, slots=True)
class Limits:
    """When a dependency is given up, and how it is asked again.

    `failures` of the last `window` tries (within `window_s`) open the breaker, and so does `patience_s` of waiting in
    vain. A probe may take `probe_s`; the next comes after `rest_s`, later when it hung, within `rest_max_s`, and may
    then take twice as long, up to a second. At most `at_once` calls are under way in one process: others are refused,
    so that one dependency cannot take all threads.
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
    """The breaker rejects calls now; nothing was sent."""


_asking: ContextVar[bool] = ContextVar("asking", default=False)


@contextmanager
def asked_for_real() -> Iterator[None]:
    """While a dependency is examined: its breaker learns from each call and rejects none."""
    before = _asking.set(True)
    try:
        yield
    finally:
        _asking.reset(before)


class Hanging:
    """How long calls of one service have waited in vain since its last success, shared by its breakers."""

    __slots__ = ("waited_s",)

    def __init__(self) -> None:
        self.waited_s = 0.0


class Breaker:
    """The breaker of one dependency, or of one part of it that may fail alone (`service` is what the parts share)."""

    def __init__(self, name: str, limits: Limits = Limits(), service: Hanging | None = None) -> None:
        self.name = name
        self.limits = limits
        self.service = service or Hanging()
        self._window = (1 << limits.window) - 1
        self._lock = threading.Lock()
        self._probed = threading.Condition(self._lock)
        self.reset()

    def reset(self) -> None:
        """Forget everything, as a new process would."""
        self.opens = 0
        self.rejections = 0
        self.hung_s = 0.0  # in all
        self.service.waited_s = 0.0
        self._outcomes = 0  # a bit per try, 1 for a failure, the latest lowest
        self._latest = 0.0
        self._waited_s = 0.0  # in vain, since the last success
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

    # --- one try: admitted, then settled by exactly one of the three below ------------------------------------

    def admit(self, limit_s: float = 0.0) -> float:
        """How long a try may take whose own limit is `limit_s`; raises CircuitOpen unless one may be made now.

        After waiting in vain only what is left of the patience is granted, and a probe gets less; who comes
        meanwhile waits for what it finds.
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
        """The dependency answered, be it with a refusal that is the caller's own fault."""
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
        """The dependency did not answer, refused for want of capacity, or failed by itself, after so many seconds."""
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
        """The try ended before its dependency could be told good or bad."""
        with self._lock:
            self._under_way -= 1
            self._end_probe()

    def cut_off(self, took_s: float) -> None:
        """The invocation's deadline ended the try: that tells of the dependency if it had as long as a probe has."""
        if took_s >= self.limits.probe_s:
            self.failed(took_s)
        else:
            self.abandoned()

    # --- beside tries -----------------------------------------------------------------------------------------

    def may_retry(self) -> bool:
        """Whether a failed try may be made again: takes it from the budget, of which each success adds a half."""
        with self._lock:
            if self._opened_at is not None or self._retries < 1:
                return False
            self._retries -= 1
            return True

    def broke_off(self, took_s: float = 0.0) -> None:
        """An answer that had been taken for a success ended before its time, after so many seconds."""
        with self._lock:
            self._under_way += 1
        self.failed(took_s)

    def call(self, attempt: Callable[[], T], failures: tuple[type[BaseException], ...]) -> T:
        """Run `attempt`, which has its own time limit; the `failures` count against it, other exceptions do not.

        Raises CircuitOpen, and Timeout where the invocation's deadline has come, before the attempt or by its failure.
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
    """The breaker of this name in this process, made on first use."""
    found = _registered.get(name)
    if found is None:
        found = _registered.setdefault(name, Breaker(name, limits, service))
    return found


def every() -> Mapping[str, Breaker]:
    """All breakers of this process that have a name of their own."""
    return dict(_registered)


@snapshot.after
def reset_all() -> None:
    """Close and forget them all."""
    for breaker in _registered.values():
        breaker.reset()
