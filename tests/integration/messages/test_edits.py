"""The history of edits: kept for sender and admins, bounded, gone with the message."""

from __future__ import annotations

from typing import Any

import pytest

from conversations import members
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound
from kernel.paging import Page
from messages import service
from messages.changes import edits
from messages.changes.history_store import MAX_EARLIER_TEXTS, EarlierVersion
from tests.integration.rooms import add, direct, group, people, send
from tests.tools import rows


def _edits(who: Caller, message: dict[str, Any]) -> list[tuple[str, int]]:
    found = _page(who, message, limit=100)
    return [(each.text, each.written_at) for each in found.items]


def _page(who: Caller, message: dict[str, Any], *, limit: int, after: str | None = None) -> Page[EarlierVersion]:
    return edits.list_versions(
        caller=who, conversation_id=message["conversation_id"], message_id=message["id"], limit=limit, after=after
    )


def _edit(who: Caller, message: dict[str, Any], text: str) -> None:
    service.edit(caller=who, conversation_id=message["conversation_id"], message_id=message["id"], text=text)


def test_earlier_texts_come_in_pages() -> None:
    ada, bob = people("ada", "bob")
    message = send(ada, direct(ada, bob), "0")
    for n in range(1, 4):
        _edit(ada, message, str(n))
    first = _page(ada, message, limit=2)
    second = _page(ada, message, limit=2, after=first.next_cursor)
    assert [[each.text for each in page.items] for page in (first, second)] == [["0", "1"], ["2"]]
    assert second.next_cursor is None


def test_earlier_texts_are_listed_with_when_they_were_written() -> None:
    ada, bob = people("ada", "bob")
    with clock.held(clock.now()) as advance:
        start = clock.now()
        message = send(bob, group(ada, bob), "one")
        assert _edits(ada, message) == []
        for text in ("two", "three"):
            advance(1_000)
            _edit(bob, message, text)
    assert _edits(ada, message) == _edits(bob, message) == [("one", start), ("two", start + 1_000)]


def test_members_do_not_see_what_others_said_before() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    message = send(ada, conversation_id)
    _edit(ada, message, "new")
    with pytest.raises(Forbidden):
        _edits(bob, message)
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=bob.user_id, role="admin")
    assert len(_edits(bob, message)) == 1


def test_of_two_only_the_sender_sees_it() -> None:
    ada, bob = people("ada", "bob")
    message = send(ada, direct(ada, bob))
    _edit(ada, message, "new")
    assert len(_edits(ada, message)) == 1
    with pytest.raises(Forbidden):
        _edits(bob, message)


def test_an_admin_who_came_later_sees_nothing_from_before() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    message = send(ada, conversation_id)
    _edit(ada, message, "new")
    add(ada, conversation_id, bob)
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=bob.user_id, role="admin")
    with pytest.raises(NotFound):
        _edits(bob, message)


def test_the_oldest_texts_go_when_there_are_too_many() -> None:
    (ada,) = people("ada")
    with clock.held(clock.now()) as advance:
        message = send(ada, group(ada), "0")
        for number in range(1, MAX_EARLIER_TEXTS + 3):
            advance(1)
            _edit(ada, message, str(number))
    assert [text for text, _ in _edits(ada, message)] == [str(n) for n in range(2, MAX_EARLIER_TEXTS + 2)]
    service.delete(caller=ada, conversation_id=message["conversation_id"], message_id=message["id"])
    assert rows("message_parts") == []


def test_a_deletion_erases_them() -> None:
    ada, bob = people("ada", "bob")
    message = send(bob, group(ada, bob), "c4n4ry", client_id="1")
    _edit(bob, message, "c4n4ry 2")
    service.delete(caller=ada, conversation_id=message["conversation_id"], message_id=message["id"])
    assert _edits(bob, message) == []
    assert "c4n4ry" not in str(rows("message_parts")) + str(rows("events"))


def test_a_deletion_leaves_the_thread() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    root = send(ada, conversation_id, "root")
    _edit(ada, root, "root 2")
    send(bob, conversation_id, "reply", thread_root=root["id"])
    service.delete(caller=ada, conversation_id=conversation_id, message_id=root["id"])
    assert [row["part"].partition("#")[0] for row in rows("message_parts")] == ["reply"]
