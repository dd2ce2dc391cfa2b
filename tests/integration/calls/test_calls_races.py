"""R29: many devices and one call, two people and one call; each change is told once.

Conditions decide, whatever the order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from moto.dynamodb.models import dynamodb_backends

from calls import changing, service, store
from calls.model import Call
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Problem
from log import head_store
from tests.conftest import REGION, STACK
from tests.integration.calls.calling import NOW, connected, device, join, ring, states, two
from tests.integration.calls.interleaving import Interleaving
from tests.management import Management
from tests.tools import ACCOUNT

DEVICES = 1_000
INTERLEAVINGS = 1_000
AT_A_TIME = 100
CHANGES: dict[str, Callable[[Caller, str], object]] = {
    "end": lambda who, call_id: service.end(caller=who, call_id=call_id),
    "leave": lambda who, call_id: service.leave(caller=who, call_id=call_id),
    "join": lambda who, call_id: service.join(caller=who, call_id=call_id),
    "timeout": lambda _, call_id: changing.apply_timeouts(_found(call_id)),
}


def _outcome(step: Callable[[], object]) -> str:
    try:
        step()
    except Problem as problem:
        return problem.stable_code
    return "ok"


def test_of_a_thousand_devices_answering_one_wins() -> None:
    ada, bob, chat = two()
    call = ring(ada, chat)
    devices = [device(bob) for _ in range(DEVICES)]
    with clock.held(clock.now()), ThreadPoolExecutor(16) as threads:  # a busy machine takes longer than a call waits
        outcomes = Counter(threads.map(lambda each: _outcome(lambda: join(each, call)), devices))
        assert states(service.get(caller=ada, call_id=call["id"])) == ["joined", "joined"]
    assert outcomes == {"ok": 1, "answered_elsewhere": DEVICES - 1}


@pytest.mark.parametrize("first", range(0, INTERLEAVINGS, AT_A_TIME))
def test_two_people_calling_each_other_have_one_call_in_any_order_of_their_requests(first: int) -> None:
    ada, bob, chat = two()
    for seed in range(first, first + AT_A_TIME):
        answers: list[tuple[str, bool]] = []

        def call(who: Caller, answers: list[tuple[str, bool]] = answers) -> None:
            made, new = service.start(caller=who, conversation_id=chat, client_id=who.user_id, media="video")
            answers.append((made["id"], new))

        Interleaving(seed).run([lambda: call(ada), lambda: call(bob)])
        assert len({call_id for call_id, _ in answers}) == 1, f"seed {seed}"
        assert sorted(new for _, new in answers) == [False, True], f"seed {seed}"
        assert head_store.head(chat).live_call == answers[0][0], f"seed {seed}"
        _forget(chat)


@pytest.mark.parametrize("seed", range(30))
def test_answering_against_cancelling_leaves_one_truth(seed: int) -> None:
    ada, bob, chat = two()
    call = ring(ada, chat)
    answered: list[str] = []

    def answer() -> None:
        answered.append(_outcome(lambda: join(bob, call)))

    def cancel() -> None:
        _outcome(lambda: service.end(caller=ada, call_id=call["id"]))

    Interleaving(seed).run([answer, cancel])
    over = service.get(caller=ada, call_id=call["id"])
    assert (over["state"], over["end_reason"]) == ("ended", "completed" if answered == ["ok"] else "cancelled")
    assert answered in (["ok"], ["call_ended"])


def _forget(chat: str) -> None:
    """Delete all calls, because moto copies its tables for each write and becomes slow with many rows."""
    backend = dynamodb_backends[ACCOUNT][REGION]
    for name in ("calls", "call_index", "sends", "events"):
        backend.get_table(f"{STACK}-{name}").items.clear()
    head_store.HeadRecord(chat, head_store.HEAD).update([head_store.HeadRecord.live_call.remove()])


@pytest.mark.parametrize("how", CHANGES)
def test_what_two_requests_at_once_bring_about_is_told_once(
    management: Management, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    ada, bob, chat = two()
    step = CHANGES[how]
    with clock.held(NOW) as advance:
        call = ring(ada, chat)
        connected(device(bob), "b1")
        if how == "timeout":
            advance(60_000)
        find = store.find

        def overtaken(call_id: str) -> Call | None:
            monkeypatch.setattr(store, "find", find)
            before = find(call_id)
            step(bob if how == "join" else ada, call_id)
            return before

        monkeypatch.setattr(store, "find", overtaken)
        step(bob if how == "join" else ada, call["id"])
    assert management.kinds("b1").count("call.updated" if how == "join" else "call.ended") == 1


def _found(call_id: str) -> Call:
    found = store.find(call_id)
    assert found is not None
    return found
