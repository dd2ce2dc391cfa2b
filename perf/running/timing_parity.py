"""Measures sign-ins that must not be distinguishable from outside: with a known account and an unknown name (R35).

They run in process, in alternation, with the production cost of password hashes. A time is that of the whole call, with
the fakes' time per answer replaced by a network's `TRIP_S`.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from accounts.model import LOCK_AFTER, LOCK_MS
from kernel import clock
from perf import gateway
from perf.effort import Effort
from perf.in_process_stack import InProcessStack, in_process_stack
from perf.operations import register
from perf.report import Table, number

APART_AT_MOST = 0.05  # of the known account's median
NOBODY = "nobody_has_this_name"
TRIP_S = 0.004  # one call to DynamoDB or Redis in AWS
WRONG = "another horse battery staple"


@dataclass(frozen=True, slots=True)
class Pair:
    """The median times of the same attempt with a known account and an unknown one."""

    name: str
    status: int
    known_ms: float
    unknown_ms: float

    @property
    def ratio(self) -> float:
        return self.unknown_ms / self.known_ms

    @property
    def alike(self) -> bool:
        return abs(self.unknown_ms - self.known_ms) <= APART_AT_MOST * self.known_ms


def measure(*, repeats: int, done: Callable[[str], None] = print) -> list[Pair]:
    """Attempts with a wrong password, and attempts while locked, `repeats` times each."""
    with in_process_stack() as of, clock.held(clock.now()) as advance:
        names = register(of).run(0).json()["user"]["username"], NOBODY
        gc.freeze()
        try:
            wrong = _pair(of, "wrong password", 401, names, repeats, before=lambda: advance(LOCK_MS))
            done(wrong.name)
            for _ in range(LOCK_AFTER - 1):  # the last pair counted as the first failure
                for name in names:
                    _timed_ms(of, name, 401)
            locked = _pair(of, "locked", 423, names, repeats, before=lambda: None)
            done(locked.name)
        finally:
            gc.unfreeze()
    return [wrong, locked]


def _pair(
    of: InProcessStack, what: str, status: int, names: tuple[str, str], repeats: int, *, before: Callable[[], None]
) -> Pair:
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(1 + repeats):  # the first turn warms up
        before()
        for name in names if turn % 2 else reversed(names):
            times[name].append(_timed_ms(of, name, status))
    known, unknown = (statistics.median(times[name][1:]) for name in names)
    return Pair(what, status, known, unknown)


def _timed_ms(of: InProcessStack, name: str, status: int) -> float:
    with of.transport.listen() as traffic:
        began = time.perf_counter()
        reply = gateway.http("SignInFunction", "POST /auth/login", body={"identifier": name, "password": WRONG})
        took_s = time.perf_counter() - began
    if reply.status != status:
        raise RuntimeError(f"a sign-in was answered with {reply.status} {reply.text[:300]}")
    outside_s = sum(call.ended - call.began - TRIP_S for call in traffic.calls)  # calls are sequential, as trips show
    return (took_s - outside_s) * 1000


def table(pairs: Sequence[Pair]) -> Table:
    """The table of pairs with their verdicts."""
    head = "sign-in", "status", "known ms", "unknown ms", "unknown / known", f"within {APART_AT_MOST:.0%} (R35)"
    rows = [
        (
            each.name, str(each.status), number(each.known_ms), number(each.unknown_ms), f"{each.ratio:.3f}",
            "yes" if each.alike else "NO",
        )
        for each in pairs
    ]  # fmt: skip
    return Table("Failing sign-ins of known and unknown accounts (in process, medians)", head, rows)


def as_json(pairs: Sequence[Pair]) -> list[dict[str, object]]:
    return [{**asdict(each), "ratio": each.ratio, "alike": each.alike} for each in pairs]


def part(effort: Effort, done: Callable[[str], None]) -> tuple[list[Table], list[dict[str, object]]]:
    """The tables to print, and the figures to write."""
    pairs = measure(repeats=effort.of(4, 16, 30), done=done)
    return [table(pairs)], as_json(pairs)
