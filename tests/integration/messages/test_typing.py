"""Typing is relayed at most every two seconds, and ends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conversations import service as conversations
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound
from messages import typing_notice
from realtime import service as realtime
from tests.integration.rooms import direct, group, people
from tests.management import Management, serving
from tests.tools import jobs


@pytest.fixture
def management(settings: pytest.MonkeyPatch) -> Iterator[Management]:
    with serving(settings) as found:
        yield found


def _room(*, online: str = "bob-1") -> tuple[Caller, Caller, str]:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    realtime.open_connection(Caller(bob.user_id, bob.session_id, online))
    return ada, bob, conversation_id


def _type(who: Caller, conversation_id: str, is_typing: bool = True) -> None:
    typing_notice.typing(caller=who, conversation_id=conversation_id, is_typing=is_typing)


def _told(management: Management) -> list[Any]:
    return [(frame["type"], frame["data"]["typing"]) for frame in management.frames("bob-1")]


def test_typing_is_told_to_the_others_and_not_to_oneself(management: Management) -> None:
    ada, _, conversation_id = _room()
    realtime.open_connection(Caller(ada.user_id, ada.session_id, "ada-1"))
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


def test_stopping_is_told(management: Management) -> None:
    ada, _, conversation_id = _room()
    _type(ada, conversation_id)
    _type(ada, conversation_id, False)
    _type(ada, conversation_id)
    assert _told(management) == [("typing", True), ("typing", False), ("typing", True)]


def test_a_reminder_tells_the_end_after_three_seconds(management: Management) -> None:
    ada, _, conversation_id = _room()
    with clock.held(clock.now()) as advance:
        _type(ada, conversation_id)
        (job,) = jobs()
        assert (job["kind"], job["delay_s"], job["until"]) == ("typing_over", 3, clock.now() + 3_000)
        advance(3_000)
        typing_notice.over(conversation_id=conversation_id, user_id=ada.user_id, until=job["until"])
    assert _told(management) == [("typing", True), ("typing", False)]


def test_with_redis_a_reminder_looks_again_while_the_typing_goes_on(management: Management, redis: Any) -> None:
    ada, _, conversation_id = _room()
    with clock.held(clock.now()) as advance:
        _type(ada, conversation_id)
        (job,) = jobs()
        advance(2_000)
        _type(ada, conversation_id)
        jobs()
        advance(1_000)
        typing_notice.over(conversation_id=conversation_id, user_id=ada.user_id, until=job["until"])
        (again,) = jobs()
    assert (again["kind"], again["delay_s"]) == ("typing_over", 2)
    assert ("typing", False) not in _told(management)


def test_with_redis_a_reminder_is_silent_after_the_end_was_told(management: Management, redis: Any) -> None:
    ada, _, conversation_id = _room()
    with clock.held(clock.now()) as advance:
        _type(ada, conversation_id)
        (job,) = jobs()
        _type(ada, conversation_id, False)
        advance(3_000)
        typing_notice.over(conversation_id=conversation_id, user_id=ada.user_id, until=job["until"])
    assert _told(management) == [("typing", True), ("typing", False)]


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
