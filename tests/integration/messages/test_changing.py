"""Editing, deleting and reacting."""

from __future__ import annotations

import contextlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from conversations import members
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Conflict, Forbidden, Gone, NotFound, ValidationFailed
from messages import service
from messages.changes import reactions
from operations.consumers import follow_ups
from tests.helpers import CONTEXT
from tests.integration.rooms import add, direct, group, people, remove, seen, send, whole_log
from tests.tools import rows


def _get(who: Caller, message: dict[str, Any]) -> dict[str, Any]:
    return service.get(caller=who, conversation_id=message["conversation_id"], message_id=message["id"])


def _edit(who: Caller, message: dict[str, Any], text: str = "new") -> dict[str, Any]:
    return service.edit(caller=who, conversation_id=message["conversation_id"], message_id=message["id"], text=text)


def _delete(who: Caller, message: dict[str, Any]) -> None:
    service.delete(caller=who, conversation_id=message["conversation_id"], message_id=message["id"])


def _react(who: Caller, message: dict[str, Any], emoji: str = "👍", *, added: bool = True) -> None:
    reactions.react(
        caller=who,
        conversation_id=message["conversation_id"],
        message_id=message["id"],
        emoji=emoji,
        added=added,
    )


def _counts(who: Caller, message: dict[str, Any]) -> dict[str, int]:
    return {each["emoji"]: each["count"] for each in _get(who, message)["reactions"]}


def _rows_of(message: dict[str, Any]) -> dict[str, int]:
    """How many people reacted with what, counted in the table itself."""
    key = f"{message['conversation_id']}#{message['seq']}"
    return dict(Counter(row["entry"].rpartition("#")[0] for row in rows("reactions") if row["message"] == key))


# --- editing --------------------------------------------------------------------------------------------------


def test_an_edit_replaces_the_text_and_keeps_the_seq() -> None:
    ada, bob = people("ada", "bob")
    message = send(ada, group(ada, bob), "old")
    with clock.held(clock.now()):
        edited = _edit(ada, message)
        assert (edited["text"], edited["edited_at"], edited["seq"]) == ("new", clock.now(), message["seq"])
    assert _get(bob, message) == edited


def test_an_edit_is_an_event_of_its_own() -> None:
    ada, bob = people("ada", "bob")
    message = send(ada, group(ada, bob))
    _edit(ada, message)
    event = seen(bob, message["conversation_id"])[-1]
    assert (event["type"], event["seq"], event["data"]["seq"]) == ("message.updated", 3, 2)


def test_others_do_not_edit_a_message() -> None:
    ada, bob = people("ada", "bob")
    message = send(bob, group(ada, bob))
    with pytest.raises(Forbidden):
        _edit(ada, message)


def test_a_message_is_edited_for_a_day() -> None:
    (ada,) = people("ada")
    with clock.held(clock.now()) as advance:
        message = send(ada, group(ada))
        advance(24 * clock.HOUR)
        _edit(ada, message)
        advance(1)
        with pytest.raises(Forbidden) as refusal:
            _edit(ada, message)
    assert refusal.value.stable_code == "edit_window_over"


def test_who_may_not_send_any_more_may_not_edit() -> None:
    from conversations import service as conversations

    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    message = send(bob, conversation_id)
    changes = {"settings": {"who_can_send": "admins"}}
    conversations.change(caller=ada, conversation_id=conversation_id, fields=changes)
    with pytest.raises(Forbidden):
        _edit(bob, message)


@pytest.mark.parametrize(
    "message_id", ["", "nonsense", "msg_01kb0000000000000000000001", "msg_01kb00000000000000000000012"]
)
def test_an_unknown_message_is_not_found(message_id: str) -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    send(ada, conversation_id)
    message = {"conversation_id": conversation_id, "id": message_id}
    for change in (_edit, _delete, _react, _get):
        with pytest.raises(NotFound):
            change(ada, message)


def test_an_event_that_is_no_message_cannot_be_edited() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    message = send(ada, conversation_id)
    add(ada, conversation_id, bob)
    other = {"conversation_id": conversation_id, "id": message["id"][:-1] + "3"}
    with pytest.raises(NotFound):
        _edit(ada, other)


# --- deleting -------------------------------------------------------------------------------------------------


def test_a_deleted_message_leaves_a_tombstone_without_content_in_the_table_too() -> None:
    ada, bob = people("ada", "bob")
    message = send(ada, group(ada, bob), "c4n4ry", metadata={"k": "c4n4ry"}, mentions=[bob.user_id], client_id="1")
    _react(bob, message)
    _edit(ada, message, "c4n4ry 2")
    _delete(ada, message)
    shown = _get(bob, message)
    assert (shown["id"], shown["text"], shown["reactions"]) == (message["id"], None, [])
    assert shown["deleted_at"] is not None
    assert "c4n4ry" not in str(rows("events")) + str(rows("message_parts"))
    assert bob.user_id not in str([row for row in rows("events") if row["seq"] == message["seq"]])


def test_a_deletion_keeps_the_seqs() -> None:
    ada, bob = people("ada", "bob")
    message = send(ada, group(ada, bob))
    _delete(ada, message)
    assert [event["seq"] for event in seen(bob, message["conversation_id"])] == [1, 2, 3]
    assert seen(bob, message["conversation_id"])[-1]["type"] == "message.deleted"


def test_deleting_again_changes_nothing() -> None:
    (ada,) = people("ada")
    message = send(ada, group(ada))
    _delete(ada, message)
    _delete(ada, message)
    assert len(whole_log(message["conversation_id"])) == 3


def test_deleting_by_many_at_once_is_one_event() -> None:
    (ada,) = people("ada")
    message = send(ada, group(ada))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: _delete(ada, message), range(8)))
    assert [event.type for event in whole_log(message["conversation_id"])].count("message.deleted") == 1


def test_admins_delete_others_messages_and_members_do_not() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    message = send(ada, conversation_id)
    with pytest.raises(Forbidden):
        _delete(bob, message)
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=bob.user_id, role="admin")
    _delete(bob, message)


def test_a_deleted_message_is_neither_edited_nor_reacted_to() -> None:
    (ada,) = people("ada")
    message = send(ada, group(ada))
    _delete(ada, message)
    with pytest.raises(Gone):
        _edit(ada, message)
    with pytest.raises(Gone):
        _react(ada, message)


def test_of_an_edit_and_a_deletion_at_once_the_tombstone_stays_empty() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=bob.user_id, role="admin")
    for number in range(4):
        message = send(ada, conversation_id, str(number))
        with ThreadPoolExecutor(2) as threads:
            deleting = threads.submit(_delete, bob, message)
            with contextlib.suppress(Gone):
                _edit(ada, message, "c4n4ry")
            deleting.result(5)
        shown = _get(ada, message)
        assert (shown["text"], shown["edited_at"]) == (None, None)
    assert "c4n4ry" not in str(rows("events"))


# --- reactions ------------------------------------------------------------------------------------------------


def test_reactions_are_counted_and_one_s_own_are_known() -> None:
    ada, bob = people("ada", "bob")
    message = send(ada, group(ada, bob))
    _react(ada, message, "👍")
    _react(bob, message, "👍")
    _react(bob, message, "🎉")
    assert _get(ada, message)["reactions"] == [
        {"emoji": "🎉", "count": 1, "mine": False},
        {"emoji": "👍", "count": 2, "mine": True},
    ]


def test_reacting_twice_changes_nothing() -> None:
    (ada,) = people("ada")
    message = send(ada, group(ada))
    for added in (True, True, False, False):
        _react(ada, message, added=added)
    types = [event.type for event in whole_log(message["conversation_id"])]
    assert types[2:] == ["reaction.added", "reaction.removed"]
    assert _counts(ada, message) == _rows_of(message) == {}


def test_taking_back_what_was_never_given_changes_nothing() -> None:
    (ada,) = people("ada")
    message = send(ada, group(ada))
    _react(ada, message, added=False)
    assert len(whole_log(message["conversation_id"])) == 2


@pytest.mark.parametrize("emoji", ["👍🏽", "❤️", "👩‍👩‍👧‍👦", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "#️⃣", "*️⃣", "©️"])
def test_any_emoji_can_be_given_and_taken_back(emoji: str) -> None:
    (ada,) = people("ada")
    message = send(ada, group(ada))
    _react(ada, message, emoji)
    assert _counts(ada, message) == _rows_of(message) == {emoji: 1}
    assert _get(ada, message)["reactions"][0]["mine"]
    _react(ada, message, emoji, added=False)
    assert _counts(ada, message) == _rows_of(message) == {}


@pytest.mark.parametrize("emoji", ["a", "😀.x", "😀[0]", "", "👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍"])
def test_what_is_no_emoji_is_refused(emoji: str) -> None:
    (ada,) = people("ada")
    message = send(ada, group(ada))
    with pytest.raises(ValidationFailed):
        _react(ada, message, emoji)


def test_a_message_takes_so_many_kinds_of_reactions() -> None:
    (ada,) = people("ada")
    message = send(ada, group(ada))
    for number in range(reactions.MAX_KINDS):
        _react(ada, message, chr(0x1F600 + number))
    with pytest.raises(Conflict):
        _react(ada, message, "👍")
    _react(ada, message, chr(0x1F600))
    _react(ada, message, chr(0x1F600), added=False)
    _react(ada, message, "👍")


def test_a_message_takes_no_more_kinds_when_many_react_at_once() -> None:
    ada, *others = people("ada", *(f"p{n}" for n in range(5)))
    message = send(ada, group(ada, *others))
    for number in range(reactions.MAX_KINDS - 2):
        _react(ada, message, chr(0x1F600 + number))

    def one(number: int) -> str:
        try:
            _react(others[number], message, chr(0x1F680 + number))
        except Conflict as refusal:
            return refusal.stable_code
        return "added"

    with ThreadPoolExecutor(5) as threads:
        outcomes = list(threads.map(one, range(5)))
    assert sorted(outcomes) == ["added"] * 2 + ["too_many_reactions"] * 3
    assert len(_counts(ada, message)) == reactions.MAX_KINDS
    assert _counts(ada, message) == _rows_of(message)


def test_the_reactions_to_a_deleted_message_are_erased() -> None:
    ada, bob = people("ada", "bob")
    message, other = send(ada, group(ada, bob), "1"), send(ada, group(ada, bob), "2")
    for each in (message, other):
        _react(bob, each)
        _react(bob, each, "🎉")
    _delete(ada, message)
    # the process that has deleted it may end here: what is left is written down
    with clock.held(clock.now() + clock.MINUTE + 1):
        assert [follow_ups.handler({}, CONTEXT)["done"] for _ in range(2)] == [1, 0]
    assert (_rows_of(message), _rows_of(other)) == ({}, {"👍": 1, "🎉": 1})


def test_deleting_what_nobody_reacted_to_leaves_no_work() -> None:
    (ada,) = people("ada")
    message = send(ada, group(ada))
    _react(ada, message)
    _react(ada, message, added=False)
    _delete(ada, message)
    assert rows("follow_ups") == []


def test_counts_equal_the_rows_after_many_at_once() -> None:
    ada, *others = people("ada", *(f"p{n}" for n in range(7)))
    message = send(ada, group(ada, *others))
    everybody = [ada, *others]

    def flip(who: Caller) -> None:
        for added in (True, False, True):
            _react(who, message, "👍", added=added)
        _react(who, message, "🎉")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(flip, everybody))
    assert _counts(ada, message) == _rows_of(message) == {"👍": 8, "🎉": 8}


def test_where_a_block_stands_nobody_reacts() -> None:
    from conversations import service as conversations

    ada, bob = people("ada", "bob")
    message = send(ada, direct(ada, bob))
    conversations.note_block(ada.user_id, bob.user_id, True)
    with pytest.raises(Forbidden):
        _react(ada, message)
    with pytest.raises(NotFound):
        _react(bob, message)


def test_who_is_out_changes_nothing() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    message = send(bob, conversation_id)
    remove(ada, conversation_id, bob)
    for change in (_edit, _delete, _react, _get):
        with pytest.raises(NotFound):
            change(bob, message)


def test_a_message_from_before_one_came_cannot_be_reached() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    message = send(ada, conversation_id)
    add(ada, conversation_id, bob)
    for change in (_delete, _react, _get):
        with pytest.raises(NotFound):
            change(bob, message)


steps = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["👍", "🎉"]), st.booleans() | st.none(), st.integers(0, 1)),
    max_size=12,
)


@examples(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps)
def test_after_any_reactions_and_deletions_counts_equal_rows(history: list[tuple[int, str, bool | None, int]]) -> None:
    from kernel import ids
    from tests.tools import caller

    two = [caller(f"p{n}{ids.new('x')[12:]}") for n in range(2)]
    conversation_id = group(*two)
    messages = [send(two[0], conversation_id, str(n)) for n in range(2)]
    gone: set[int] = set()
    for who, emoji, added, number in history:
        if added is None:
            _delete(two[0], messages[number])
            gone.add(number)
            continue
        try:
            _react(two[who], messages[number], emoji, added=added)
        except Gone:
            assert number in gone
    for number, message in enumerate(messages):
        assert _counts(two[0], message) == ({} if number in gone else _rows_of(message))
