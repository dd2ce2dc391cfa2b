"""Mentions: of members, by `@username` or by id; `@all` of owner and admins; how many are unread."""

from __future__ import annotations

from typing import Any

import pytest

from conversations import model
from conversations import service as conversations
from kernel.caller import Caller
from messages import service
from messages.reading import receipts
from tests.integration.rooms import add, direct, group, people, remove, say, send
from tests.mls import ciphertext
from users import service as users

Room = tuple[Caller, Caller, Caller, str]


@pytest.fixture
def room() -> Room:
    """Ada (owner), Bob and Cyd in a group; usernames are theirs with a dot and a number."""
    ada, bob, cyd = people("ada.1", "bob.2", "cyd.3")
    return ada, bob, cyd, group(ada, bob, cyd)


def _mentioned(message: dict[str, Any]) -> tuple[list[str], bool]:
    return message["mentions"], message["mentions_all"]


def _unread(who: Caller, conversation_id: str) -> tuple[int, int]:
    shown = conversations.get(caller=who, conversation_id=conversation_id)
    return shown["unread_count"], shown["unread_mentions"]


@pytest.mark.parametrize(
    "text",
    ["@bob.2", "hi @bob.2!", "hi @BOB.2.", "(@bob.2)", "@bob.2, @bob.2", "a\n@bob.2", "@bob.2...", "你好@bob.2"],
)
def test_a_username_behind_an_at_sign_is_a_mention(text: str, room: Room) -> None:
    ada, bob, _, conversation_id = room
    assert _mentioned(send(ada, conversation_id, text)) == ([bob.user_id], False)


@pytest.mark.parametrize(
    "text", ["bob.2", "x@bob.2", "ada@bob.2", "@@bob.2", "@bob", "@bob.22", "https://x.example/@bob.2", "@", "@ bob.2"]
)
def test_what_only_looks_like_a_mention_is_text(text: str, room: Room) -> None:
    ada, _, _, conversation_id = room
    message = send(ada, conversation_id, text)
    assert (_mentioned(message), message["text"]) == (([], False), text)


def test_those_given_by_id_come_first_and_nobody_twice(room: Room) -> None:
    ada, bob, cyd, conversation_id = room
    message = send(ada, conversation_id, "@bob.2 and @cyd.3", mentions=[cyd.user_id])
    assert message["mentions"] == [cyd.user_id, bob.user_id]


def test_only_members_are_mentioned(room: Room) -> None:
    ada, bob, cyd, conversation_id = room
    (eve,) = people("eve.4")
    remove(ada, conversation_id, cyd)
    text = "@eve.4 @cyd.3 @nobody.5 @bob.2"
    message = send(ada, conversation_id, text, mentions=[eve.user_id, cyd.user_id, "usr_x", "c4n4ry"])
    assert message["mentions"] == [bob.user_id]


def test_members_of_a_large_group_are_mentioned_too() -> None:
    everybody = people(*(f"p.{n:02}" for n in range(model.MEMBER_IDS_MAX + 1)))
    (eve,) = people("eve.4")
    conversation_id = group(*everybody)
    message = send(everybody[0], conversation_id, "@p.20 @eve.4", mentions=[everybody[3].user_id, eve.user_id])
    assert message["mentions"] == [everybody[3].user_id, everybody[20].user_id]


def test_mentions_work_between_two(room: Room) -> None:
    ada, bob, _, _ = room
    assert _mentioned(send(ada, direct(ada, bob), "@bob.2 @all")) == ([bob.user_id], False)


def test_the_owner_and_admins_mention_everybody_and_others_do_not(room: Room) -> None:
    from conversations import members

    ada, bob, cyd, conversation_id = room
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=bob.user_id, role="admin")
    assert [_mentioned(send(who, conversation_id, f"@all {n}")) for n, who in enumerate((ada, bob, cyd))] == [
        ([], True),
        ([], True),
        ([], False),
    ]


def test_an_encrypted_message_mentions_by_id() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob, settings={"encrypted": True})
    sealed = ciphertext(conversation_id)
    message, _ = say(ada, conversation_id, None, type="encrypted", ciphertext=sealed, mentions=[bob.user_id])
    assert message["mentions"] == [bob.user_id]


def test_an_edit_mentions_whom_the_new_text_names(room: Room) -> None:
    ada, bob, cyd, conversation_id = room
    message = send(ada, conversation_id, "@bob.2", mentions=[ada.user_id])
    edited = service.edit(
        caller=ada, conversation_id=conversation_id, message_id=message["id"], text="rather @cyd.3 and @all"
    )
    assert _mentioned(edited) == ([ada.user_id, cyd.user_id], True)
    assert service.get(caller=bob, conversation_id=conversation_id, message_id=message["id"]) == edited
    assert _unread(bob, conversation_id) == (1, 1)


def test_unread_mentions_are_those_of_unread_messages_that_stand(room: Room) -> None:
    ada, bob, cyd, conversation_id = room
    first = send(ada, conversation_id, "@bob.2")
    second = send(ada, conversation_id, "@all")
    send(ada, conversation_id, "@cyd.3")
    send(bob, conversation_id, "@bob.2 to myself")
    assert (_unread(bob, conversation_id), _unread(cyd, conversation_id)) == ((3, 2), (4, 2))
    service.delete(caller=ada, conversation_id=conversation_id, message_id=second["id"])
    assert _unread(bob, conversation_id) == (2, 1)
    receipts.mark_read(caller=bob, conversation_id=conversation_id, seq=first["seq"])
    assert _unread(bob, conversation_id) == (1, 0)


def test_a_newcomer_has_no_mentions_from_before(room: Room) -> None:
    ada, _, _, conversation_id = room
    (dan,) = people("dan.6")
    send(ada, conversation_id, "@all")
    add(ada, conversation_id, dan)
    send(ada, conversation_id, "@dan.6")
    assert _unread(dan, conversation_id) == (1, 1)


def test_at_most_fifty_names_are_looked_up(room: Room) -> None:
    ada, bob, _, conversation_id = room
    text = " ".join(f"@nobody.{n}" for n in range(50)) + " @bob.2"
    assert send(ada, conversation_id, text, client_id="1")["mentions"] == []
    assert send(ada, conversation_id, "@bob.2")["mentions"] == [bob.user_id]


def test_usernames_are_looked_up_once_in_a_while(room: Room) -> None:
    _, bob, _, _ = room
    assert users.ids_by_username(["bob.2", "nobody.7"]) == {"bob.2": bob.user_id}
    assert users._id_memo.get("bob.2") == bob.user_id
    assert users._id_memo.get("nobody.7") == ""
    assert users.ids_by_username(["bob.2", "nobody.7"]) == {"bob.2": bob.user_id}
