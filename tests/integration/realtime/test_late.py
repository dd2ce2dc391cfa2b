"""Slow sockets are suspended after the first slow post, and get resync hints (R10)."""

from __future__ import annotations

import time

import pytest

from kernel import clock
from kernel.caller import Caller
from realtime import delivery, store
from tests.integration.rooms import group, open_socket, people, say, work
from tests.management import Management
from tests.tools import jobs

SYNC = {"behind": None}


@pytest.fixture
def room() -> tuple[Caller, str]:
    """Ada in a group with Bob and Cleo; Bob and Cleo have a socket each, named `bob` and `cleo`."""
    ada, bob, cleo = people("ada", "bob", "cleo")
    with clock.held(clock.now() - store.HANDSHAKE_MS - 1):
        for who, name in ((bob, "bob"), (cleo, "cleo")):
            open_socket(who, name)
    return ada, group(ada, bob, cleo)


def test_nobody_waits_twice_for_a_slow_socket(room: tuple[Caller, str], management: Management) -> None:
    ada, conversation_id = room
    # given a socket that a first message waited for
    management.delay_s["bob"] = 30
    say(ada, conversation_id, "first")
    # when more is sent
    started = time.perf_counter()
    for number in range(5):
        say(ada, conversation_id, f"more {number}")
    # then the others get it, and nothing was tried with the slow one
    assert time.perf_counter() - started < 0.9
    assert management.tried("bob") == 1
    assert len(management.frames("cleo")) == 6
    assert [(job["kind"], job["targets"][0][1], job["delay_s"]) for job in jobs()] == [("hint", "bob", 2)]


def test_a_slow_socket_that_is_back_is_told_to_sync_and_delivered_to_again(
    room: tuple[Caller, str], management: Management
) -> None:
    ada, conversation_id = room
    management.status["bob"] = 429
    say(ada, conversation_id, "lost")
    (hint,) = jobs()
    management.status.clear()
    work(hint)
    # told once at once, and once after it is in again: whatever was left out in between came before that
    assert [frame["data"] for frame in management.frames("bob")] == [SYNC, SYNC]
    say(ada, conversation_id, "seen")
    assert management.frames("bob")[-1]["data"]["text"] == "seen"
    assert jobs() == []


def test_hints_to_a_socket_that_stays_slow_become_rarer(room: tuple[Caller, str], management: Management) -> None:
    ada, conversation_id = room
    management.status["bob"] = 429
    say(ada, conversation_id, "lost")
    delays = []
    for _ in range(8):
        (hint,) = jobs()
        delays.append(hint["delay_s"])
        work(hint)
    assert delays == [2, 4, 8, 16, 32, 64, 64, 64]


def test_a_socket_whose_hint_never_came_is_delivered_to_again_after_a_while(
    room: tuple[Caller, str], management: Management
) -> None:
    ada, conversation_id = room
    management.status["bob"] = 429
    with clock.held(clock.now()) as advance:
        say(ada, conversation_id, "lost")
        management.status.clear()
        advance(delivery.SYNC_HINT_DELAY_S * clock.SECOND + delivery.SLOW_GRACE_MS)
        say(ada, conversation_id, "seen")
    assert [frame["data"]["text"] for frame in management.frames("bob")] == ["seen"]


def test_a_gone_socket_that_a_hint_finds_is_tried_once(room: tuple[Caller, str], management: Management) -> None:
    ada, conversation_id = room
    management.status["bob"] = 429
    say(ada, conversation_id, "lost")
    (hint,) = jobs()
    management.status["bob"] = 410
    work(hint)
    say(ada, conversation_id, "more")
    assert management.tried("bob") == 2  # the slow one and the gone one
    assert [job["kind"] for job in jobs()] == ["gone"]  # who watches Bob is told that he is gone
