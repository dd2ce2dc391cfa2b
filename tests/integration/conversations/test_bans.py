"""Who was removed is banned: coming back, lifting, listing."""

from __future__ import annotations

import pytest

from conversations import members
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound
from tests.integration.rooms import add, group, people, remove


def _banned(who: Caller, conversation_id: str) -> list[str]:
    page = members.bans(caller=who, conversation_id=conversation_id, limit=50, after=None)
    return [each["user"].username for each in page.items]


def test_who_was_removed_is_banned_and_who_left_is_not() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    remove(ada, conversation_id, bob)
    remove(cyd, conversation_id, cyd)
    assert _banned(ada, conversation_id) == ["bob"]


def test_the_banned_are_added_by_admins_alone_and_are_free_then() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    remove(ada, conversation_id, bob)
    assert add(cyd, conversation_id, bob) == ([], [bob.user_id])
    assert add(ada, conversation_id, bob) == ([bob.user_id], [])
    assert _banned(ada, conversation_id) == []


def test_a_ban_can_be_lifted() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    remove(ada, conversation_id, bob)
    for _ in range(2):
        members.unban(caller=ada, conversation_id=conversation_id, user_id=bob.user_id)
    assert add(cyd, conversation_id, bob) == ([bob.user_id], [])


def test_bans_are_for_admins() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    remove(ada, conversation_id, bob)
    with pytest.raises(Forbidden):
        _banned(cyd, conversation_id)
    with pytest.raises(Forbidden):
        members.unban(caller=cyd, conversation_id=conversation_id, user_id=bob.user_id)
    with pytest.raises(NotFound):
        _banned(bob, conversation_id)


def test_bans_come_in_pages() -> None:
    ada, *others = people("ada", *(f"p{n}" for n in range(5)))
    conversation_id = group(ada, *others)
    for other in others:
        remove(ada, conversation_id, other)
    found: list[str] = []
    after: str | None = None
    for _ in range(3):
        page = members.bans(caller=ada, conversation_id=conversation_id, limit=2, after=after)
        found += [each["user"].username for each in page.items]
        after = page.next_cursor
    assert (sorted(found), after) == (sorted(f"p{n}" for n in range(5)), None)
