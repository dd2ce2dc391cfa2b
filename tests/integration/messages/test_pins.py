"""Pins: at most 50, by members whom the settings allow, and none of deleted messages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conversations import members
from conversations import service as conversations
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Conflict, Forbidden, Gone, NotFound
from kernel.paging import Page
from messages import service
from messages.changes import pins, pins_store, reactions
from messages.model import MAX_PINS
from tests.integration.rooms import add, direct, group, people, remove, seen, send, whole_log


def _pin(who: Caller, message: dict[str, Any]) -> None:
    pins.pin(caller=who, conversation_id=message["conversation_id"], message_id=message["id"])


def _unpin(who: Caller, message: dict[str, Any]) -> None:
    pins.unpin(caller=who, conversation_id=message["conversation_id"], message_id=message["id"])


def _listed(who: Caller, conversation_id: str, *, limit: int = 50, page: str | None = None) -> Page[dict[str, Any]]:
    return pins.list_pins(caller=who, conversation_id=conversation_id, limit=limit, page=page)


def _pinned(who: Caller, conversation_id: str) -> list[str]:
    return [each["text"] for each in _listed(who, conversation_id).items]


def _delete(who: Caller, message: dict[str, Any]) -> None:
    service.delete(caller=who, conversation_id=message["conversation_id"], message_id=message["id"])


def _get(who: Caller, message: dict[str, Any]) -> dict[str, Any]:
    return service.get(caller=who, conversation_id=message["conversation_id"], message_id=message["id"])


def test_pinned_messages_are_listed_the_last_first_with_who_and_when() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    first, second = send(ada, conversation_id, "1"), send(bob, conversation_id, "2")
    with clock.held(clock.now()) as advance:
        _pin(ada, first)
        advance(5)
        _pin(ada, second)
        (last, earlier) = _listed(bob, conversation_id).items
        assert (last["pinned_by"], last["pinned_at"], earlier["pinned_at"]) == (
            ada.user_id,
            clock.now(),
            clock.now() - 5,
        )
    assert (last["id"], earlier["id"]) == (second["id"], first["id"])
    assert {**_get(bob, second), "pinned_by": ada.user_id, "pinned_at": last["pinned_at"]} == last
    assert last["pinned"]


def test_pins_come_in_pages_that_an_unpinning_does_not_shift() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    sent = [send(ada, conversation_id, text) for text in ("1", "2", "3")]
    with clock.held(clock.now()) as advance:
        for message in sent:
            advance(1)
            _pin(ada, message)
    page = _listed(bob, conversation_id, limit=1)
    assert ([each["text"] for each in page.items], page.next_cursor is not None) == (["3"], True)
    _unpin(ada, sent[2])
    page = _listed(bob, conversation_id, limit=2, page=page.next_cursor)
    assert ([each["text"] for each in page.items], page.next_cursor) == (["2", "1"], None)


def test_pinning_and_unpinning_are_events_that_show_the_message() -> None:
    ada, bob = people("ada", "bob")
    message = send(ada, group(ada, bob))
    for change in (_pin, _pin, _unpin, _unpin):
        change(ada, message)
    events = seen(bob, message["conversation_id"])[2:]
    assert [event["type"] for event in events] == ["message.updated"] * 2
    assert events[-1]["data"]["id"] == message["id"]
    assert not _get(bob, message)["pinned"]


def test_in_a_group_everybody_pins_unless_it_is_for_its_admins() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    message = send(cyd, conversation_id)
    _pin(cyd, message)
    _unpin(cyd, message)
    settings = {"settings": {"who_can_pin": "admins"}}
    conversations.change(caller=ada, conversation_id=conversation_id, fields=settings)
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=bob.user_id, role="admin")
    _pin(bob, message)
    for change in (_pin, _unpin):
        with pytest.raises(Forbidden):
            change(cyd, message)


def test_both_of_two_pin_unless_a_block_stands_between() -> None:
    ada, bob = people("ada", "bob")
    message = send(ada, direct(ada, bob))
    _pin(bob, message)
    _unpin(ada, message)
    conversations.note_block(ada.user_id, bob.user_id, True)
    with pytest.raises(Forbidden):
        _pin(ada, message)
    with pytest.raises(NotFound):
        _pin(bob, message)


def test_there_are_at_most_fifty_also_when_many_pin_at_once() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    messages = [send(ada, conversation_id, str(n)) for n in range(MAX_PINS + 4)]
    for message in messages[: MAX_PINS - 2]:
        _pin(ada, message)

    def one(message: dict[str, Any]) -> str:
        try:
            _pin(ada, message)
        except Conflict as refusal:
            return refusal.stable_code
        return "pinned"

    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(one, messages[MAX_PINS - 2 :]))
    assert sorted(outcomes) == ["pinned"] * 2 + ["too_many_pins"] * 4
    assert len(_pinned(ada, conversation_id)) == MAX_PINS
    _pin(ada, messages[0])  # pinned already
    _unpin(ada, messages[0])
    _pin(ada, messages[MAX_PINS - 2 + outcomes.index("too_many_pins")])


def test_what_has_disappeared_makes_room() -> None:
    (ada,) = people("ada")
    with clock.held(clock.now()) as advance:
        conversation_id = group(ada, settings={"disappearing_seconds": 60})
        for number in range(MAX_PINS):
            _pin(ada, send(ada, conversation_id, str(number)))
        advance(59_999)
        late = send(ada, conversation_id, "late")
        with pytest.raises(Conflict):
            _pin(ada, late)
        advance(1)
        assert _pinned(ada, conversation_id) == []
        _pin(ada, late)
        assert _pinned(ada, conversation_id) == ["late"]


def test_pinning_by_many_at_once_is_one_event() -> None:
    (ada,) = people("ada")
    message = send(ada, group(ada))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: _pin(ada, message), range(8)))
    assert [event.type for event in whole_log(message["conversation_id"])].count("message.updated") == 1


def test_a_deleted_message_is_pinned_no_more() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    message, other = send(ada, conversation_id, "1"), send(ada, conversation_id, "2")
    _pin(ada, message)
    _pin(ada, other)
    _delete(ada, message)
    assert _pinned(bob, conversation_id) == ["2"]
    assert not _get(bob, message)["pinned"]
    with pytest.raises(Gone):
        _pin(ada, message)
    _unpin(ada, message)


def test_of_a_pin_and_a_deletion_at_once_no_pin_is_left() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    for number in range(4):
        message = send(ada, conversation_id, str(number))
        with ThreadPoolExecutor(2) as threads:
            pinning, deleting = threads.submit(_pin, ada, message), threads.submit(_delete, ada, message)
            assert isinstance(pinning.exception(5), Gone | None)
            deleting.result(5)
    assert _pinned(ada, conversation_id) == []
    assert pins_store.pins_of(pins_store.PinsRecord.find(conversation_id, "pins")).items == ()


def test_a_newcomer_sees_no_pin_from_before() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    old = send(ada, conversation_id, "old")
    add(ada, conversation_id, bob)
    new = send(ada, conversation_id, "new")
    for message in (old, new):
        _pin(ada, message)
    assert _pinned(bob, conversation_id) == ["new"]
    with pytest.raises(NotFound):
        _unpin(bob, old)


def test_pins_are_for_members() -> None:
    ada, bob, eve = people("ada", "bob", "eve")
    conversation_id = group(ada, bob)
    message = send(bob, conversation_id)
    remove(ada, conversation_id, bob)
    for who in (bob, eve):
        with pytest.raises(NotFound):
            _pin(who, message)
        with pytest.raises(NotFound):
            _pinned(who, conversation_id)


def test_a_pinned_message_is_reacted_to_and_edited_like_any() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    message = send(ada, conversation_id)
    _pin(ada, message)
    reactions.react(caller=bob, conversation_id=conversation_id, message_id=message["id"], emoji="👍", added=True)
    service.edit(caller=ada, conversation_id=conversation_id, message_id=message["id"], text="new")
    (shown,) = _listed(bob, conversation_id).items
    assert (shown["text"], shown["reactions"]) == ("new", [{"emoji": "👍", "count": 1, "mine": True}])
