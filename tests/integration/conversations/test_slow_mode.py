"""Slow mode: a member sends once in so many seconds, however many devices they use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from conversations import members, service
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Problem, RateLimited, ValidationFailed
from tests.integration.rooms import group, people, place_of, say, send, whole_log

Advance = Callable[[int], None]


@pytest.fixture
def advance() -> Iterator[Advance]:
    with clock.held(1_800_000_000_000) as advance:
        yield advance


def _slow_group(seconds: int = 30) -> tuple[str, Caller, Caller]:
    ada, bob = people("ada", "bob")
    return group(ada, bob, settings={"slow_mode_seconds": seconds}), ada, bob


def test_a_member_waits_until_the_next_message_to_the_millisecond(advance: Advance) -> None:
    conversation_id, _, bob = _slow_group()
    send(bob, conversation_id, "one")
    advance(29_999)
    with pytest.raises(RateLimited) as refusal:
        send(bob, conversation_id, "two")
    assert refusal.value.retry_after_s == 1
    advance(1)
    send(bob, conversation_id, "two")
    with pytest.raises(RateLimited) as refusal:
        send(bob, conversation_id, "three")
    assert refusal.value.retry_after_s == 30


def test_nobody_waits_longer_than_the_interval_for_a_message_of_a_clock_that_is_ahead(advance: Advance) -> None:
    conversation_id, _, bob = _slow_group()
    advance(5)
    send(bob, conversation_id, "one")
    advance(-5)
    with pytest.raises(RateLimited) as refusal:
        send(bob, conversation_id, "two")
    assert refusal.value.retry_after_s == 30


def test_owner_and_admins_do_not_wait(advance: Advance) -> None:
    conversation_id, ada, bob = _slow_group()
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=bob.user_id, role="admin")
    for who in (ada, ada, bob, bob):
        send(who, conversation_id, f"{who.user_id}{len(whole_log(conversation_id))}")


def test_a_repeated_send_is_answered_with_the_first_one_and_not_refused(advance: Advance) -> None:
    conversation_id, _, bob = _slow_group()
    first, _ = say(bob, conversation_id, "one")
    assert say(bob, conversation_id, "one") == (first, False)


def test_one_member_s_message_keeps_no_other_waiting(advance: Advance) -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd, settings={"slow_mode_seconds": 30})
    send(bob, conversation_id)
    send(cyd, conversation_id)


def test_of_many_messages_sent_at_once_one_is_taken() -> None:
    conversation_id, _, bob = _slow_group()

    def attempt(number: int) -> str:
        try:
            send(bob, conversation_id, str(number))
        except Problem as problem:
            return problem.stable_code
        return "sent"

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(attempt, range(8)))
    assert sorted(results) == ["rate_limited"] * 7 + ["sent"]
    assert [event.type for event in whole_log(conversation_id)] == ["conversation.created", "message.created"]


def test_switched_off_it_holds_nobody_up_and_keeps_nothing(advance: Advance) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    send(bob, conversation_id, "one")
    send(bob, conversation_id, "two")
    assert place_of(bob, conversation_id).last_sent_at is None
    service.change(caller=ada, conversation_id=conversation_id, fields={"settings": {"slow_mode_seconds": 3_600}})
    send(bob, conversation_id, "three")
    with pytest.raises(RateLimited):
        send(bob, conversation_id, "four")
    service.change(caller=ada, conversation_id=conversation_id, fields={"settings": {"slow_mode_seconds": 0}})
    send(bob, conversation_id, "four")


def test_a_direct_conversation_has_none() -> None:
    ada, bob = people("ada", "bob")
    with pytest.raises(ValidationFailed) as refusal:
        service.create(
            caller=ada,
            kind="direct",
            member_ids=[bob.user_id],
            name=None,
            description=None,
            settings={"slow_mode_seconds": 5},
        )
    assert refusal.value.errors[0].field == "settings.slow_mode_seconds"
