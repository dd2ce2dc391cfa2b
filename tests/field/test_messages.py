"""Reactions in either spelling, names in code, and changes that change nothing.

Sources: element-web 23752, mastodon glitch 2462 (reactions); spreed 10252 (mentions in code), hermes-agent 111345
(lines of iPhones); Rocket.Chat 12282 (changes without a change).
"""

from __future__ import annotations

from typing import Any

import pytest

from conversations import members
from kernel.caller import Caller
from kernel.errors import ValidationFailed
from messages import mentions, service
from messages.changes import reactions
from tests.integration.rooms import group, people, place_of, send, whole_log

HEART, HEART_AS_PICTURE = "\u2764", "\u2764\ufe0f"


def _react(who: Caller, conversation_id: str, message: dict[str, Any], emoji: str, *, added: bool = True) -> None:
    reactions.react(caller=who, conversation_id=conversation_id, message_id=message["id"], emoji=emoji, added=added)


def _reactions(who: Caller, conversation_id: str, message: dict[str, Any]) -> list[dict[str, Any]]:
    found = service.get(caller=who, conversation_id=conversation_id, message_id=message["id"])
    listed: list[dict[str, Any]] = found["reactions"]
    return listed


def test_an_emoji_in_both_of_its_spellings_is_one_reaction() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    message = send(ada, conversation_id)

    _react(ada, conversation_id, message, HEART)
    _react(ada, conversation_id, message, HEART_AS_PICTURE)
    _react(bob, conversation_id, message, HEART_AS_PICTURE)
    assert _reactions(ada, conversation_id, message) == [{"emoji": HEART_AS_PICTURE, "count": 2, "mine": True}]

    _react(ada, conversation_id, message, HEART, added=False)
    assert _reactions(ada, conversation_id, message) == [{"emoji": HEART_AS_PICTURE, "count": 1, "mine": False}]


def test_both_spellings_are_one_of_the_kinds_that_a_message_takes() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    message = send(ada, conversation_id)
    kinds = [chr(0x1F600 + n) for n in range(reactions.MAX_KINDS - 1)]
    for emoji in (*kinds, HEART):
        _react(ada, conversation_id, message, emoji)
    _react(bob, conversation_id, message, HEART_AS_PICTURE)
    assert len(_reactions(ada, conversation_id, message)) == reactions.MAX_KINDS


@pytest.mark.parametrize(
    ("typed", "kept"), [("👍\ufe0f", "👍"), ("\u263a", "\u263a\ufe0f"), ("1\u20e3", "1\ufe0f\u20e3")]
)
def test_a_reaction_is_kept_in_the_spelling_of_unicode_s_list(typed: str, kept: str) -> None:
    assert reactions.require_emoji(typed) == kept


@pytest.mark.parametrize("text", ["x", "", "1", "🏻", "👍👍", "\ufe0f"])
def test_what_is_no_emoji_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed):
        reactions.require_emoji(text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("`@ada` says", False),
        ("``x ` @ada``", False),
        ("```\n@ada\n```\nsee", False),
        ("~~~py\n@ada\n~~~", False),
        ("see\u2028```\u2028@ada\u2028```", False),
        ("```\u2028x\u2028```\u2028@ada", True),
        ("```\n@ada", False),
        ("_@ada please_", True),
        ("*@ada*", True),
        ("_@ada_", True),
        ("` @ada", True),
        ("`a` @ada `b`", True),
        ("```\nx\n```\n@ada", True),
        ("mail ada@ada.example", False),
    ],
)
def test_code_names_nobody_and_emphasis_does(text: str, named: bool) -> None:
    (ada,) = people("ada")
    assert mentions.named(text).user_ids == ([ada.user_id] if named else [])


def test_many_backticks_are_read_in_time() -> None:
    assert mentions.named("` `` " * 2_000 + "@nobody").user_ids == []


def test_an_edit_to_the_same_text_changes_nothing() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    message = send(ada, conversation_id, "hello")
    before = len(whole_log(conversation_id))

    again = service.edit(caller=ada, conversation_id=conversation_id, message_id=message["id"], text="hello")

    assert (again["text"], again["edited_at"]) == ("hello", None)
    assert len(whole_log(conversation_id)) == before


def test_the_role_that_one_has_changes_nothing() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    before = len(whole_log(conversation_id))

    shown = members.change_role(caller=ada, conversation_id=conversation_id, user_id=bob.user_id, role="member")

    assert (shown["user"].id, shown["role"]) == (bob.user_id, "member")
    assert (len(whole_log(conversation_id)), place_of(bob, conversation_id).promoted_by) == (before, None)
