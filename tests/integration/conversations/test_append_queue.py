"""The queue of writers: it orders them, it is asked only where there is a crowd, and nothing depends on it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kernel import cache, config
from log import append_queue
from log.append_queue import AppendTicket
from log.group_commit import Handover
from tests.integration.rooms import group, people, send, whole_log
from tests.tools import captured_lines

ROOM = "cnv_somewhere"
SENDERS = 16
EACH = 3


@pytest.fixture(autouse=True)
def _nobody_met_yet() -> None:
    append_queue._busy._entries.clear()


def _ticket(patience_s: float = 5.0) -> AppendTicket:
    return AppendTicket(ROOM, until=time.monotonic() + patience_s)


def _queue(redis: Any) -> dict[str, str]:
    found: dict[str, str] = redis.hgetall(f"turn:{{{ROOM}}}")
    return found


def _until_joined(redis: Any, number: int) -> None:
    while _queue(redis).get("last") != str(number):
        time.sleep(0.001)


def _talk_all_at_once() -> list[int]:
    """The seqs of messages that many people sent to one conversation at the same time."""
    senders = people(*(f"p{n:02}" for n in range(SENDERS)))
    conversation_id = group(*senders)
    with ThreadPoolExecutor(SENDERS) as threads:
        talks = threads.map(
            lambda who: [send(who, conversation_id, f"{who.user_id} {n}")["seq"] for n in range(EACH)], senders
        )
        seqs = sorted(seq for talk in talks for seq in talk)
    assert [event.seq for event in whole_log(conversation_id)] == [1, *seqs]
    return seqs


def test_a_quiet_conversation_has_no_queue(redis: Any) -> None:
    (ada,) = people("ada")
    send(ada, group(ada), "hello")
    assert redis.keys("turn:*") == []


def test_who_meets_somebody_lines_up_and_does_so_first_for_a_while(redis: Any) -> None:
    with _ticket() as first:
        assert not first.collided()
        assert _queue(redis) == {"last": "1", "served": "0"}
    assert _queue(redis) == {"last": "1", "served": "1"}
    with _ticket():
        assert _queue(redis) == {"last": "2", "served": "1"}
    assert _queue(redis) == {"last": "2", "served": "2"}


def test_turns_come_in_the_order_of_arrival(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_queue, "STALL_S", 5.0)
    order: list[int] = []

    def write(number: int) -> None:
        with _ticket() as ticket:
            ticket.wait()
            order.append(number)
            time.sleep(0.002)

    with ThreadPoolExecutor(8) as threads, _ticket() as mine:
        mine.collided()
        for number in range(2, 9):
            threads.submit(write, number)
            _until_joined(redis, number)
        assert order == []
    assert order == list(range(2, 9))


def test_who_had_to_wait_is_told_that_what_they_read_is_old(redis: Any) -> None:
    ahead, behind = _ticket(), _ticket()
    ahead.collided()
    threading.Timer(0.02, ahead.__exit__, (None, None, None)).start()
    assert behind.collided()


def test_a_collision_in_ones_turn_is_tried_again_at_once_and_in_the_long_run_from_the_end(redis: Any) -> None:
    ticket = _ticket()
    assert [ticket.collided() for _ in range(append_queue.COLLISIONS_BEFORE_REJOIN)] == [
        False
    ] * append_queue.COLLISIONS_BEFORE_REJOIN
    assert _queue(redis) == {"last": "2", "served": "1"}


def test_who_dies_in_their_turn_is_passed_over(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_queue, "STALL_S", 0.05)
    _ticket().collided()  # and never again heard of
    started = time.monotonic()
    assert _ticket().collided()
    assert 0.05 <= time.monotonic() - started < 1.0


def test_where_the_store_is_slow_a_turn_may_take_longer(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_queue, "STALL_S", 0.05)
    ahead, behind = _ticket(), _ticket()
    ahead.collided()
    threading.Timer(0.2, ahead.__exit__, (None, None, None)).start()
    behind.expect_round_trip(0.2)
    started = time.monotonic()
    assert behind.collided()
    assert time.monotonic() - started >= 0.15
    behind.expect_round_trip(60.0)  # and who died is passed over in the end
    dead, last = behind, _ticket(60.0)
    last.expect_round_trip(60.0)
    started = time.monotonic()
    assert last.collided()
    assert dead.number
    assert time.monotonic() - started < append_queue.STALL_MAX_S + 1.0


def test_a_late_end_of_a_turn_takes_nobody_elses(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_queue, "STALL_S", 0.02)
    late, next_one = _ticket(), _ticket()
    late.collided()
    next_one.collided()
    late.__exit__(None, None, None)
    assert _queue(redis) == {"last": "2", "served": "1"}


def test_what_comes_between_two_looks_is_a_message_and_never_an_answer(
    redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn may be seen to be over before the message of its writer was waited for long enough."""
    ahead, mine = _ticket(), _ticket(0.3)
    ahead.collided()
    take = cache.take

    def late(mailbox: str) -> str | None:
        monkeypatch.setattr(cache, "take", take)
        assert ahead.hand_over("for whom it concerns")
        return None

    monkeypatch.setattr(cache, "take", late)
    assert mine.collided()
    assert mine.message == "for whom it concerns"
    behind = threading.Thread(target=_ticket().collided)
    behind.start()
    _until_joined(redis, 3)
    assert mine.hand_over("and mine")
    assert mine.wait_for_answer() is None
    behind.join()


def test_nobody_waits_beyond_their_patience(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_queue, "STALL_S", 60.0)
    _ticket().collided()
    started = time.monotonic()
    _ticket(patience_s=0.1).collided()
    assert time.monotonic() - started < 0.5


def test_when_redis_is_emptied_nobody_waits(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_queue, "STALL_S", 60.0)
    _ticket().collided()
    threading.Timer(0.02, redis.flushall).start()
    started = time.monotonic()
    _ticket().collided()
    assert time.monotonic() - started < 1.0


def test_when_redis_goes_away_one_goes_ahead(redis: Any, settings: pytest.MonkeyPatch) -> None:
    with _ticket() as ticket:
        ticket.collided()
        settings.setenv("REDIS_URL", "redis://127.0.0.1:1")
        config.config.cache_clear()
        cache._redis.cache_clear()
        cache._waiting_redis.cache_clear()
        other = _ticket()
        assert other.collided()  # a pause: what was read is old
        with other:
            pass


def test_a_crowd_that_lines_up_hardly_collides(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_queue, "STALL_S", 5.0)
    retries: list[float] = []

    def note(name: str, value: float = 1, **_about: str) -> None:
        if name == "AppendRetries":
            retries.append(value)

    monkeypatch.setattr("kernel.telemetry.total", note)
    assert _talk_all_at_once() == list(range(2, SENDERS * EACH + 2))
    assert max(retries) <= 5
    assert redis.keys("turn:*") != []


def test_with_a_queue_that_lies_the_log_is_as_dense(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_queue, "_JOIN", "return {1, 0}")  # everybody's turn, always
    assert _talk_all_at_once() == list(range(2, SENDERS * EACH + 2))


@pytest.mark.parametrize(("field", "value"), [("served", b"\xff"), ("last", b"many"), ("served", b"")])
def test_who_finds_a_damaged_queue_goes_ahead_without_one(redis: Any, field: str, value: bytes) -> None:
    with _ticket() as first:
        first.collided()
        redis.hset(f"turn:{{{ROOM}}}", field, value)
        with _ticket(patience_s=1.0) as second:
            second.collided()
            second.wait()
    send(ada := people("ada")[0], group(ada), "hello")


@pytest.mark.parametrize("left", ["\ufffd", "7", "{}", '{"head": 7, "batch": null}', '{"head": null, "batch": {}}'])
def test_a_damaged_message_of_the_turn_before_is_as_none_and_is_told(left: str) -> None:
    with captured_lines() as lines:
        assert Handover.loads(left) == Handover()
    assert lines.only["message"] == "damaged handover"
