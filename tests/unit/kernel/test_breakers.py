"""Circuit breakers (R21): when they open, what they let through, and what an outage costs with them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import Random

import pytest

from kernel import breakers, telemetry
from kernel.breakers import Breaker, CircuitOpen, Hanging, Limits
from tests.helpers import CONTEXT
from tests.tools import captured_lines


class Down(Exception):
    """The dependency fails."""


def _fail() -> None:
    raise Down


def _open(breaker: Breaker) -> None:
    for _ in range(breaker.limits.failures):
        with pytest.raises(Down):
            breaker.call(_fail, (Down,))


def _three(**more: float) -> Limits:
    return Limits(failures=3, window=4, rest_s=more.get("rest_s", 5.0))


@pytest.fixture
def advance(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Holds the breakers' clock; moves it on by so many seconds."""
    moment = [1_000.0]
    monkeypatch.setattr("kernel.breakers.time.monotonic", lambda: moment[0])

    def move(by_s: float) -> None:
        moment[0] += by_s

    return move


def test_it_opens_when_most_of_the_last_tries_have_failed() -> None:
    breaker = Breaker("any", _three())
    for attempt, expected in (_fail, "closed"), (lambda: None, "closed"), (_fail, "closed"), (_fail, "open"):
        with suppress(Down):
            breaker.call(attempt, (Down,))
        assert breaker.state == expected
    assert breaker.opens == 1


def test_failures_of_long_ago_do_not_count(advance: Callable[[float], None]) -> None:
    breaker = Breaker("any", _three())
    for _ in range(9):
        with pytest.raises(Down):
            breaker.call(_fail, (Down,))
        advance(21)
    assert breaker.state == "closed"


def test_thirty_percent_of_throttled_tries_do_not_open_it() -> None:
    breaker, chance = Breaker("any"), Random(7)
    for _ in range(20_000):
        breaker.admit()
        breaker.failed() if chance.random() < 0.3 else breaker.succeeded()
    assert breaker.opens == 0


def test_it_opens_when_waiting_in_vain_has_used_up_the_patience(advance: Callable[[float], None]) -> None:
    breaker, waited_s = Breaker("any", Limits(patience_s=2.5)), []
    while breaker.state == "closed":
        granted_s = breaker.admit(2.0)
        advance(granted_s)
        breaker.failed(granted_s)
        waited_s.append(granted_s)
    assert waited_s == [2.0, 0.5]


def test_an_outage_of_a_minute_costs_a_tenth_of_it_at_the_most(advance: Callable[[float], None]) -> None:
    breaker, moment_s, hung_s = Breaker("any"), 0.0, 0.0
    while moment_s < 60:
        try:
            granted_s = breaker.admit(2.0)
        except CircuitOpen:
            granted_s = 0.0
        else:
            advance(granted_s)
            breaker.failed(granted_s)
            hung_s += granted_s
        advance(0.1)  # a caller every tenth of a second
        moment_s += granted_s + 0.1
    assert hung_s <= 6.0
    assert breaker.hung_s == pytest.approx(hung_s)


def test_parts_of_one_service_share_what_has_been_waited() -> None:
    service = Hanging()
    log, access = Breaker("log", service=service), Breaker("access", service=service)
    log.admit(2.0)
    log.failed(2.5)
    assert (log.state, access.state) == ("open", "closed")

    assert access.admit(2.0) == 0.25  # the whole service may hang: no second patience
    access.failed(0.25)
    assert access.state == "open"


def test_a_part_that_answers_is_not_drawn_into_another_s_outage() -> None:
    service = Hanging()
    log, access = Breaker("log", service=service), Breaker("access", service=service)
    log.admit(2.0)
    log.failed(2.5)
    access.admit(2.0)
    access.succeeded()
    assert access.admit(2.0) == 2.0
    assert log.state == "open"


def test_an_open_breaker_rejects_without_calling_and_says_when_to_come_again() -> None:
    breaker = Breaker("any", _three())
    _open(breaker)
    called: list[int] = []
    with pytest.raises(CircuitOpen) as rejected:
        breaker.call(lambda: called.append(1), (Down,))
    assert called == []
    assert breaker.rejections == 1
    assert (rejected.value.status, rejected.value.retry_after_s) == (503, 5)


def test_it_probes_after_its_rest_and_closes_on_success(advance: Callable[[float], None]) -> None:
    breaker = Breaker("any", _three())
    _open(breaker)
    states = [breaker.state]
    advance(5)
    states.append(breaker.state)
    assert states == ["open", "half_open"]
    assert breaker.call(lambda: "well", (Down,)) == "well"
    assert breaker.state == "closed"


def test_a_probe_that_hung_is_followed_by_a_longer_rest(advance: Callable[[float], None]) -> None:
    breaker = Breaker("any", Limits(failures=1, window=1, rest_s=1.0, probe_s=0.5))
    breaker.admit()
    breaker.failed()
    advance(1)
    assert breaker.admit(2.0) == 0.5
    breaker.failed(0.5)
    states = []
    for by_s in 9.9, 0.2:
        advance(by_s)
        states.append(breaker.state)
    assert states == ["open", "half_open"]


def test_what_answers_more_slowly_than_a_probe_may_take_is_found_well_in_the_end(
    advance: Callable[[float], None],
) -> None:
    """Once shut, the way to a store that is slow but well would otherwise stay so."""
    breaker = Breaker("any")
    breaker.admit(2.0)
    breaker.failed(2.5)
    needed_s, asked = 0.6, 0
    while breaker.state != "closed":
        assert asked < 5
        advance(breaker.limits.rest_max_s)
        granted_s, asked = breaker.admit(2.0), asked + 1
        advance(min(granted_s, needed_s))
        if granted_s < needed_s:
            breaker.failed(granted_s)
        else:
            breaker.succeeded()
    assert breaker.admit(2.0) == 2.0


def test_whatever_hangs_is_asked_again_within_half_a_minute(advance: Callable[[float], None]) -> None:
    breaker = Breaker("any", Limits(probe_s=2.0))
    breaker.admit(3.0)
    breaker.failed(3.0)
    advance(breaker.limits.rest_max_s)
    assert breaker.state == "half_open"
    assert breaker.limits.rest_max_s + breaker.limits.probe_s < 30


def test_half_open_admits_one_probe_among_threads() -> None:
    breaker = Breaker("any", _three(rest_s=0.0))
    _open(breaker)
    entered, released = threading.Semaphore(0), threading.Event()

    def probe() -> str:
        entered.release()
        released.wait(5)
        return "probed"

    def one(_n: int) -> str:
        try:
            return breaker.call(probe, (Down,))
        except CircuitOpen:
            return "rejected"

    with ThreadPoolExecutor(8) as threads:
        running = [threads.submit(one, n) for n in range(8)]
        assert entered.acquire(timeout=5)
        for _ in range(5_000):
            if breaker.rejections == 7:
                break
            time.sleep(0.001)
        released.set()
        results = [each.result(5) for each in running]
    assert sorted(results) == ["probed"] + ["rejected"] * 7
    assert breaker.state == "closed"


def test_calls_that_are_made_with_the_probe_go_through_when_it_does() -> None:
    """A request that asks several things at once, the first one after an outage, has all of its answers."""
    breaker = Breaker("any", _three(rest_s=0.0))
    _open(breaker)
    entered = threading.Barrier(5)

    def answer() -> str:
        time.sleep(0.02)
        return "well"

    def one(_n: int) -> str:
        entered.wait(5)
        return breaker.call(answer, (Down,))

    with ThreadPoolExecutor(5) as threads:
        assert list(threads.map(one, range(5))) == ["well"] * 5
    assert breaker.rejections == 0


def test_a_probe_that_dies_of_something_else_does_not_block_the_next(advance: Callable[[float], None]) -> None:
    breaker = Breaker("any", _three())
    _open(breaker)
    advance(5)

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        breaker.call(interrupted, (Down,))
    assert breaker.call(lambda: "well", (Down,)) == "well"


def test_an_exception_that_is_no_failure_passes_and_counts_as_an_answer() -> None:
    breaker = Breaker("any", Limits(failures=1, window=1))

    def refuse() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        breaker.call(refuse, (Down,))
    assert breaker.state == "closed"


def test_one_dependency_cannot_take_more_than_its_share_of_calls() -> None:
    breaker = Breaker("any", Limits(at_once=2))
    breaker.admit()
    breaker.admit()
    with pytest.raises(CircuitOpen):
        breaker.admit()
    breaker.succeeded()
    breaker.admit()
    assert breaker.state == "closed"


def test_retries_are_a_half_of_the_calls_at_the_most() -> None:
    breaker, retries = Breaker("any"), 0
    for _ in range(1_000):
        breaker.admit()
        breaker.succeeded()
        retries += breaker.may_retry() + breaker.may_retry()
    assert retries <= 500 + breakers.RETRIES_SAVED_MAX


def test_what_is_asked_for_real_passes_an_open_breaker_and_closes_it() -> None:
    breaker = Breaker("any", _three())
    _open(breaker)
    with breakers.asked_for_real():
        assert breaker.call(lambda: "well", (Down,)) == "well"
    assert breaker.state == "closed"


@pytest.mark.usefixtures("settings")
def test_the_line_of_a_call_counts_what_breakers_did_for_all_functions_together() -> None:
    breaker = Breaker("store", _three())
    with captured_lines() as lines, telemetry.call("any", CONTEXT):
        telemetry.count("Own")
        _open(breaker)
        for _ in range(200):
            with pytest.raises(CircuitOpen):
                breaker.admit()
    line = lines.only
    assert line["breakers_open"] == ["store"]
    assert (line["BreakerOpens"], line["BreakerRejections"], line["BreakersOpen"]) == (1, 200, 1)
    own, of_all = line["_aws"]["CloudWatchMetrics"]
    assert [each["Name"] for each in own["Metrics"]] == ["Own"]
    assert of_all["Dimensions"] == [["service"]]
    assert {each["Name"] for each in of_all["Metrics"]} == {"BreakerOpens", "BreakerRejections", "BreakersOpen"}
