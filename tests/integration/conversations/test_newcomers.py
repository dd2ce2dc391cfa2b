"""What a new member of a group sees of its earlier events."""

from __future__ import annotations

from conversations import service
from tests.integration.rooms import add, group, people, remove, seen, send


def test_a_newcomer_sees_the_log_from_their_joining_on() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    send(ada, conversation_id, "before")
    add(ada, conversation_id, bob)
    send(ada, conversation_id, "after")
    assert [event["type"] for event in seen(bob, conversation_id)] == ["member.added", "message.created"]
    shown = service.get(caller=bob, conversation_id=conversation_id)
    assert (shown["unread_count"], shown["last_message"]["text"]) == (1, "after")


def test_a_newcomer_is_not_shown_the_last_message_from_before() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    send(ada, conversation_id, "before")
    add(ada, conversation_id, bob)
    shown = service.get(caller=bob, conversation_id=conversation_id)
    assert (shown["unread_count"], shown["last_message"]) == (0, None)


def test_a_change_of_a_message_from_before_shows_a_newcomer_nothing_of_it() -> None:
    from messages import service as messages

    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    before = send(ada, conversation_id, "before")
    add(ada, conversation_id, bob)
    messages.edit(caller=ada, conversation_id=conversation_id, message_id=before["id"], text="secret")
    changed = seen(bob, conversation_id)[-1]
    assert (changed["type"], changed["data"]) == ("message.updated", None)
    assert "secret" in str(seen(ada, conversation_id)[-1]["data"])


def test_where_history_is_visible_a_newcomer_sees_all_of_it() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, settings={"history_visible": True})
    send(ada, conversation_id, "before")
    add(ada, conversation_id, bob)
    assert [event["seq"] for event in seen(bob, conversation_id)] == [1, 2, 3]


def test_several_newcomers_at_once_each_see_from_their_own_joining_on() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada)
    add(ada, conversation_id, bob, cyd)
    assert [event["seq"] for event in seen(bob, conversation_id)] == [2, 3]
    assert [event["seq"] for event in seen(cyd, conversation_id)] == [3]


def test_who_comes_back_does_not_see_what_was_said_meanwhile() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    remove(ada, conversation_id, bob)
    send(ada, conversation_id, "meanwhile")
    add(ada, conversation_id, bob)
    assert [event["seq"] for event in seen(bob, conversation_id)] == [4]
