"""Typing is relayed at most every two seconds, and ends by itself."""

from __future__ import annotations

from typing import Any

import pytest

from conversations import service as conversations
from conversations.model import MEMBER_IDS_MAX
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound
from messages import typing_notice
from messages.model import TYPING_RELAY_MS
from tests.integration.rooms import direct, group, open_socket, people, send, work
from tests.management import Management
from tests.tools import jobs


def _room(*, online: str = "bob-1") -> tuple[Caller, Caller, str]:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    open_socket(bob, online)
    return ada, bob, conversation_id


def _type(who: Caller, conversation_id: str, is_typing: bool = True) -> None:
    typing_notice.typing(caller=who, conversation_id=conversation_id, is_typing=is_typing)


def _told(management: Management) -> list[Any]:
    return [(frame["type"], frame["data"]["typing"]) for frame in management.frames("bob-1")]


def test_typing_is_told_to_the_others_and_not_to_oneself(management: Management) -> None:
    ada, _, conversation_id = _room()
    open_socket(ada, "ada-1")
    _type(ada, conversation_id)
    (frame,) = management.frames("bob-1")
    assert (frame["type"], frame["conversation_id"]) == ("typing", conversation_id)
    assert frame["data"] == {"user_id": ada.user_id, "typing": True}
    assert management.frames("ada-1") == []


def test_going_on_is_not_told_again_at_once(management: Management) -> None:
    ada, _, conversation_id = _room()
    for _ in range(5):
        _type(ada, conversation_id)
    assert _told(management) == [("typing", True)]


def test_stopping_is_told_when_two_seconds_are_over(management: Management, redis: Any) -> None:
    ada, _, conversation_id = _room()
    with clock.held(clock.now()) as advance:
        _type(ada, conversation_id)
        jobs()
        advance(500)
        _type(ada, conversation_id, False)
        (job,) = jobs()
        assert (job["kind"], job["delay_s"]) == ("typing_over", 2)
        assert _told(management) == [("typing", True)]
        advance(1_500)
        work(job)
    assert _told(management) == [("typing", True), ("typing", False)]


def test_stopping_late_is_told_at_once(management: Management, redis: Any) -> None:
    ada, _, conversation_id = _room()
    with clock.held(clock.now()) as advance:
        _type(ada, conversation_id)
        advance(2_500)
        _type(ada, conversation_id, False)
    assert _told(management) == [("typing", True), ("typing", False)]


def test_stopping_what_nobody_saw_is_told_to_nobody(management: Management, redis: Any) -> None:
    ada, _, conversation_id = _room()
    for _ in range(3):
        _type(ada, conversation_id, False)
    assert (_told(management), jobs()) == ([], [])


def test_whatever_somebody_does_there_is_one_relay_in_two_seconds(management: Management, redis: Any) -> None:
    ada, _, conversation_id = _room()
    with clock.held(clock.now()) as advance:
        for n in range(40):  # ten seconds
            _type(ada, conversation_id, n % 2 == 0)
            work(*[job for job in jobs() if n % 8 == 7])
            advance(250)
    assert len(_told(management)) <= 5


def test_going_on_is_told_again_every_two_seconds_with_one_reminder(management: Management, redis: Any) -> None:
    ada, _, conversation_id = _room()
    with clock.held(clock.now()) as advance:
        for _ in range(4):
            _type(ada, conversation_id)
            advance(2_000)
    assert _told(management) == [("typing", True)] * 4
    assert len(jobs()) == 1


def test_who_starts_again_right_after_the_end_is_told_of_when_two_seconds_are_over(
    management: Management, redis: Any
) -> None:
    ada, _, conversation_id = _room()
    with clock.held(clock.now()) as advance:
        _type(ada, conversation_id)
        (job,) = jobs()
        advance(3_000)
        work(job)
        advance(500)
        for _ in range(3):
            _type(ada, conversation_id)
        assert _told(management) == [("typing", True), ("typing", False)]
        (held,) = jobs()
        assert (held["kind"], held["delay_s"]) == ("typing_over", 2)
        advance(2_000)
        work(held, held)
        assert _told(management) == [("typing", True), ("typing", False), ("typing", True)]
        reminder = jobs()[0]
        assert reminder["delay_s"] == 1
        advance(2_000)
        work(reminder, reminder)
    assert _told(management) == [("typing", True), ("typing", False)] * 2


def test_who_starts_again_and_stops_before_that_could_be_told_is_not_told_of(
    management: Management, redis: Any
) -> None:
    ada, _, conversation_id = _room()
    with clock.held(clock.now()) as advance:
        _type(ada, conversation_id)
        advance(2_000)
        _type(ada, conversation_id, False)
        jobs()
        advance(500)
        _type(ada, conversation_id)
        (held,) = jobs()
        _type(ada, conversation_id, False)
        advance(2_000)
        work(held)
        assert _told(management) == [("typing", True), ("typing", False)]
        _type(ada, conversation_id)
    assert _told(management) == [("typing", True), ("typing", False), ("typing", True)]


@pytest.mark.parametrize("with_redis", [True, False])
def test_a_reminder_tells_the_end_after_three_seconds(
    management: Management, request: pytest.FixtureRequest, with_redis: bool
) -> None:
    if with_redis:
        request.getfixturevalue("redis")
    ada, _, conversation_id = _room()
    with clock.held(clock.now()) as advance:
        _type(ada, conversation_id)
        (job,) = jobs()
        assert (job["kind"], job["delay_s"]) == ("typing_over", 3)
        advance(3_000)
        work(job)
    assert _told(management) == [("typing", True), ("typing", False)]


def test_with_redis_a_reminder_looks_again_while_the_typing_goes_on(management: Management, redis: Any) -> None:
    ada, _, conversation_id = _room()
    with clock.held(clock.now()) as advance:
        _type(ada, conversation_id)
        (job,) = jobs()
        advance(2_000)
        _type(ada, conversation_id)
        advance(1_000)
        work(job)
        (again,) = jobs()
    assert (again["kind"], again["delay_s"]) == ("typing_over", 2)
    assert ("typing", False) not in _told(management)


def test_with_redis_a_reminder_is_silent_after_the_end_was_told(management: Management, redis: Any) -> None:
    ada, _, conversation_id = _room()
    with clock.held(clock.now()) as advance:
        _type(ada, conversation_id)
        (job,) = jobs()
        advance(2_000)
        _type(ada, conversation_id, False)
        advance(1_000)
        work(job, job)
    assert _told(management) == [("typing", True), ("typing", False)]


# --- large conversations (R17) --------------------------------------------------------------------------------


def _crowd() -> tuple[list[Caller], str]:
    everybody = people(*(f"p{n:02}" for n in range(MEMBER_IDS_MAX + 1)))
    return everybody, group(*everybody)


def _notices(everybody: list[Caller], conversation_id: str) -> int:
    """How many of these people's typing is relayed."""
    jobs()
    for who in everybody:
        _type(who, conversation_id)
    return sum(job["kind"] == "members" for job in jobs())


@pytest.mark.parametrize("with_redis", [True, False])
def test_in_a_large_conversation_notices_keep_to_a_share_of_the_events(
    settings: pytest.MonkeyPatch, request: pytest.FixtureRequest, with_redis: bool
) -> None:
    if with_redis:
        request.getfixturevalue("redis")
    settings.setattr(typing_notice, "EVENTS_PER_NOTICE", 4)
    everybody, conversation_id = _crowd()
    with clock.held(clock.now()) as advance:
        advance(typing_notice.QUIET_MS)
        assert _notices(everybody[:1], conversation_id) == 1
        advance(5_000)
        for n in range(3):
            send(everybody[0], conversation_id, str(n))
            assert _notices(everybody, conversation_id) == 0
        send(everybody[0], conversation_id, "3")
        advance(TYPING_RELAY_MS)  # the end of the first one's typing went with a message a moment ago
        assert _notices(everybody, conversation_id) == 1
        advance(typing_notice.QUIET_MS)
        assert _notices(everybody, conversation_id) == 1


def test_typing_writes_no_event(management: Management) -> None:
    ada, _, conversation_id = _room()
    _type(ada, conversation_id)
    assert conversations.get(caller=ada, conversation_id=conversation_id)["last_seq"] == 1


def test_a_stranger_s_typing_is_not_found(management: Management) -> None:
    _, _, conversation_id = _room()
    (eve,) = people("eve")
    with pytest.raises(NotFound):
        _type(eve, conversation_id)
    assert _told(management) == []


def test_who_may_not_send_does_not_type(management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = direct(ada, bob)
    conversations.note_block(ada.user_id, bob.user_id, True)
    with pytest.raises(Forbidden):
        _type(ada, conversation_id)
    with pytest.raises(NotFound):
        _type(bob, conversation_id)
