"""R15: a fleet that loses its sockets never comes back faster than 500 a second."""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from secureconnect_client import Backoff, ReconnectPolicy, spread_for

CLIENTS = 100_000
LIMIT_PER_S = 500
POLICY = ReconnectPolicy()
Outage = Callable[[float], bool]


@dataclass(frozen=True)
class Outcome:
    worst_tries: int  # within any one second, wherever it starts
    worst_admitted: int
    last_s: float


def simulate(
    first: Callable[[random.Random], float],
    *,
    spread_s: float | None,
    fails: Outage,
    clients: int = CLIENTS,
) -> Outcome:
    """A mass disconnect at 0: each client tries after `first`, then as after failures, until admitted.

    The server admits 500 in a second and refuses the rest; `fails` tells when it refuses anyhow.
    """
    rng = random.Random(15)
    queue = [(first(rng), number, 0) for number in range(clients)]
    heapq.heapify(queue)
    recent: deque[float] = deque()
    admitted: Counter[int] = Counter()
    worst, now = 0, 0.0
    while queue:
        now, number, failures = heapq.heappop(queue)
        recent.append(now)
        while recent[0] <= now - 1:
            recent.popleft()
        worst = max(worst, len(recent))
        if fails(now) or admitted[int(now)] >= LIMIT_PER_S:
            wait = POLICY.after_failure(failures, rng, spread_s=spread_s)
            heapq.heappush(queue, (now + wait, number, failures + 1))
        else:
            admitted[int(now)] += 1
    return Outcome(worst, max(admitted.values()), now)


def never(_: float) -> bool:
    return False


def first_minute(now: float) -> bool:
    return now < 60


def test_after_a_hint_100_000_clients_never_exceed_500_connects_a_second() -> None:
    after_ms = spread_for(CLIENTS) * 1000
    outcome = simulate(lambda rng: POLICY.after_hint(after_ms, rng), spread_s=spread_for(CLIENTS), fails=never)
    assert outcome.worst_tries <= LIMIT_PER_S
    assert outcome.last_s <= spread_for(CLIENTS)


def test_after_a_drop_without_a_hint_the_announced_spread_keeps_them_below_it() -> None:
    spread = spread_for(CLIENTS)
    outcome = simulate(lambda rng: POLICY.after_drop(rng, spread_s=spread), spread_s=spread, fails=never)
    assert outcome.worst_tries <= LIMIT_PER_S


def test_a_server_that_is_down_for_a_minute_is_not_overrun_when_it_is_back() -> None:
    spread = spread_for(CLIENTS)
    outcome = simulate(lambda rng: POLICY.after_drop(rng, spread_s=spread), spread_s=spread, fails=first_minute)
    assert outcome.worst_tries <= LIMIT_PER_S
    assert outcome.last_s < 3 * spread


def test_a_server_that_announces_nothing_admits_500_a_second_and_still_everybody_gets_in() -> None:
    outcome = simulate(lambda rng: POLICY.after_drop(rng), spread_s=None, fails=never, clients=20_000)
    assert outcome.worst_admitted <= LIMIT_PER_S
    assert outcome.last_s < 2 * 20_000 / LIMIT_PER_S


def test_connections_are_replaced_before_two_hours_and_spread_out() -> None:
    rng = random.Random(15)
    due = Counter(int(POLICY.lifetime(rng)) for _ in range(CLIENTS))
    assert max(due.values()) <= LIMIT_PER_S
    assert max(due) < 2 * 3600 - 60


def test_a_small_fleet_is_back_within_a_second() -> None:
    assert spread_for(100) == 1.0


def test_waits_are_uniform_over_a_doubling_window_up_to_the_cap() -> None:
    backoff = Backoff(base_s=1.0, cap_s=30.0)
    assert [backoff.window(attempt) for attempt in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert backoff.window(5_000) == 30


def test_retry_after_is_waited_out_before_the_jitter() -> None:
    rng = random.Random(15)
    assert all(7 <= Backoff().delay(0, rng, retry_after=7) <= 8 for _ in range(100))


@pytest.mark.parametrize("attempt", range(8))
def test_a_failed_try_never_waits_over_less_than_the_announced_window(attempt: int) -> None:
    rng = random.Random(15)
    waits = [POLICY.after_failure(attempt, rng, spread_s=400) for _ in range(1_000)]
    assert sum(waits) / len(waits) == pytest.approx(200, rel=0.1)
