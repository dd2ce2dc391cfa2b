"""Signalling: signals are numbered without gaps, kept for 60 s, and sent between participants only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from calls import service, signal_store, signals
from kernel import clock
from kernel.caller import Caller
from tests.integration.calls.calling import connected, device, join, refusal, ring, two
from tests.integration.rooms import group, people, remove
from tests.management import Management


def _send(who: Caller, call: dict[str, Any], to: str, payload: Any = None, kind: str = "ice") -> int:
    return signals.send(caller=who, call_id=call["id"], to=to, kind=kind, payload=payload)["n"]


def _received(who: Caller, call: dict[str, Any], after: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = signals.list_received(caller=who, call_id=call["id"], after=after)["items"]
    return found


def _talking() -> tuple[Caller, Caller, dict[str, Any], str, str]:
    ada, bob, chat = two()
    call = ring(ada, chat)
    mine, theirs = join(ada, call)["participant_id"], join(bob, call)["participant_id"]
    return ada, bob, call, mine, theirs


def test_signals_are_numbered_in_the_order_of_their_acknowledgement() -> None:
    ada, bob, call, mine, theirs = _talking()
    assert [_send(ada, call, theirs, n) for n in range(3)] == [1, 2, 3]
    assert _send(bob, call, mine, "x") == 1
    assert [(each["n"], each["payload"], each["from_"]) for each in _received(bob, call, 1)] == [
        (2, 1, mine),
        (3, 2, mine),
    ]


def test_no_number_is_missing_when_many_send_at_once() -> None:
    owner, *others = people(*(f"p{n}" for n in range(6)))
    call = ring(owner, group(owner, *others))
    to = join(owner, call)["participant_id"]
    for each in others:
        join(each, call)
    with ThreadPoolExecutor(5) as threads:
        numbers = [n for found in threads.map(lambda each: [_send(each, call, to, k) for k in range(4)], others)
                   for n in found]  # fmt: skip
    assert sorted(numbers) == list(range(1, 21))
    found = _received(owner, call)
    assert [each["n"] for each in found] == list(range(1, 21))
    for sender in {each["from_"] for each in found}:
        assert [each["payload"] for each in found if each["from_"] == sender] == [0, 1, 2, 3]


def test_forty_at_once_to_one_participant_are_all_taken() -> None:
    owner, other = people("owner", "other")
    call = ring(owner, group(owner, other))
    to = join(owner, call)["participant_id"]
    join(other, call)
    with ThreadPoolExecutor(20) as threads:
        numbers = list(threads.map(lambda k: _send(other, call, to, k), range(40)))
    assert sorted(numbers) == list(range(1, 41))


def test_signals_are_gone_after_a_minute_though_their_rows_are_not() -> None:
    ada, bob, call, _, theirs = _talking()
    with clock.held(clock.now()) as advance:
        _send(ada, call, theirs, "old")
        advance(30_000)
        service.heartbeat(caller=ada, call_id=call["id"])
        service.heartbeat(caller=bob, call_id=call["id"])
        assert _send(ada, call, theirs, "new") == 2
        advance(30_001)
        assert [each["payload"] for each in _received(bob, call)] == ["new"]


def test_a_signal_goes_to_the_one_device_in_the_call(management: Management) -> None:
    ada, bob, call, mine, theirs = _talking()
    connected(bob, "b1"), connected(device(bob), "b2"), connected(ada, "a1")
    _send(ada, call, theirs, {"sdp": "v=0"}, kind="offer")
    assert management.frames("b1")[0]["data"] == {
        "call_id": call["id"],
        "n": 1,
        "from": mine,
        "kind": "offer",
        "payload": {"sdp": "v=0"},
    }
    assert management.kinds("b2") == management.kinds("a1") == []


def test_a_socket_that_fails_does_not_fail_the_signal(management: Management) -> None:
    ada, bob, call, _, theirs = _talking()
    connected(bob, "b1")
    management.status["b1"] = 500
    assert _send(ada, call, theirs) == 1
    assert len(_received(bob, call)) == 1


def test_64_kilobytes_are_the_limit_of_a_payload() -> None:
    ada, _, call, _, theirs = _talking()
    assert _send(ada, call, theirs, "é" * (32 * 1024 - 1)) == 1
    assert refusal(lambda: _send(ada, call, theirs, "é" * 32 * 1024)) == "payload_too_large"


def test_a_payload_of_any_script_and_the_largest_size_reaches_its_socket(management: Management) -> None:
    ada, bob, call, _, theirs = _talking()
    connected(bob, "b1")
    _send(ada, call, theirs, "é" * (32 * 1024 - 1))
    assert management.frames("b1")[0]["data"]["payload"] == "é" * (32 * 1024 - 1)


@pytest.mark.parametrize("payload", [float("nan"), {"a": [float("inf")]}])
def test_a_payload_is_json(payload: Any) -> None:
    ada, _, call, _, theirs = _talking()
    assert refusal(lambda: _send(ada, call, theirs, payload)) == "validation_failed"


def test_signals_come_in_pages_of_a_megabyte() -> None:
    ada, bob, call, _, theirs = _talking()
    for n in range(20):
        _send(ada, call, theirs, str(n) + "x" * 60_000)
    first = _received(bob, call)
    assert len(first) == signal_store.PAGE_BYTES // 60_000
    assert len(first) + len(_received(bob, call, first[-1]["n"])) == 20


def test_only_participants_signal_to_participants() -> None:
    ada, bob, cleo, zoe = people("ada", "bob", "cleo", "zoe")
    context = group(ada, bob, cleo)
    call = ring(ada, context)
    mine = join(ada, call)["participant_id"]
    ringing = call["participants"][1]["participant_id"]
    assert refusal(lambda: _send(bob, call, mine)) == "not_in_call"
    assert refusal(lambda: _received(bob, call)) == "not_in_call"
    assert refusal(lambda: _send(ada, call, ringing)) == "not_found"
    assert refusal(lambda: _send(ada, call, mine)) == "validation_failed"
    assert refusal(lambda: _send(zoe, call, mine)) == "not_found"
    to = join(bob, call)["participant_id"]
    assert refusal(lambda: _send(device(ada), call, to)) == "answered_elsewhere"
    service.end(caller=ada, call_id=call["id"])
    assert refusal(lambda: _send(ada, call, to)) == "call_ended"


def test_nobody_signals_to_or_hears_as_a_removed_member() -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    context = group(ada, bob, cleo)
    call = ring(ada, context)
    to = join(bob, call)["participant_id"]
    mine = join(ada, call)["participant_id"]
    _send(ada, call, to, "before")
    remove(ada, context, bob)
    assert refusal(lambda: _send(ada, call, to, "after")) == "not_found"
    assert refusal(lambda: _send(bob, call, mine)) == "not_found"
    assert refusal(lambda: _received(bob, call)) == "not_found"


@pytest.mark.parametrize("seed", range(3))
def test_a_counter_that_is_behind_is_caught_up_with(seed: int) -> None:
    ada, _, call, mine, theirs = _talking()
    assert [_send(ada, call, theirs) for _ in range(3)] == [1, 2, 3]
    assert signal_store.put(call["id"], theirs, last=seed, sender=mine, kind="ice", payload="{}") == 4
