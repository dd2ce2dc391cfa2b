"""Catching up: events after a seq, and everything missed in one answer (R6, R7)."""

from __future__ import annotations

from typing import Any

import pytest

from conversations import schemas, service, sync
from kernel.caller import Caller
from kernel.errors import InvalidCursor, NotFound
from log.schemas import frame
from messages import service as messages
from messages.changes import reactions
from tests.integration.rooms import add, direct, group, people, remove, seen, send

CIPHERTEXT = "A" * 60_000


def _events(who: Caller, conversation_id: str, **options: Any) -> Any:
    return sync.events(
        caller=who, conversation_id=conversation_id, **{"after": 0, "limit": 50, "page": None, **options}
    )


def _seqs(events: list[dict[str, Any]]) -> list[int]:
    return [event["seq"] for event in events]


def _missed(who: Caller, cursors: dict[str, int] | None = None, **options: Any) -> sync.Missed:
    return sync.missed(caller=who, cursors=cursors or {}, **options)


def _size(missed: sync.Missed) -> int:
    """The bytes of the answer as it is sent."""
    return len(schemas.SyncAnswer.model_validate(missed.with_calls([])).model_dump_json().encode())


def _long(who: Caller, conversation_id: str, number: int) -> None:
    send(who, conversation_id, None, client_id=str(number), type="encrypted", ciphertext=CIPHERTEXT)  # type: ignore[arg-type]


# --- events ---------------------------------------------------------------------------------------------------


def test_events_come_dense_and_in_order() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    for number in range(20):
        send(ada if number % 2 else bob, conversation_id, str(number))
    assert _seqs(seen(bob, conversation_id)) == list(range(1, 22))


def test_events_come_after_the_given_one() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    for number in range(5):
        send(ada, conversation_id, str(number))
    assert _seqs(_events(ada, conversation_id, after=3).items) == [4, 5, 6]
    assert _seqs(_events(ada, conversation_id, after=3, limit=2).items) == [4, 5]


@pytest.mark.parametrize("after", [6, 7, 10**6, 10**40])
def test_after_the_last_event_there_is_none(after: int) -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    for number in range(5):
        send(ada, conversation_id, str(number))
    page = _events(ada, conversation_id, after=after)
    assert (page.items, page.next_cursor) == ([], None)


def test_the_last_page_has_no_next_one() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    send(ada, conversation_id)
    assert _events(ada, conversation_id, limit=2).next_cursor is None
    assert _events(ada, conversation_id, limit=1).next_cursor is not None


def test_a_cursor_of_another_person_or_conversation_is_refused() -> None:
    ada, bob = people("ada", "bob")
    tea, rum = group(ada, bob), group(ada, bob)
    send(ada, tea)
    cursor = _events(ada, tea, limit=1).next_cursor
    for who, conversation_id in ((bob, tea), (ada, rum)):
        with pytest.raises(InvalidCursor):
            _events(who, conversation_id, page=cursor)


def test_a_cursor_does_not_outlive_a_removal() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    cursor = _events(bob, conversation_id, limit=1).next_cursor
    send(ada, conversation_id)
    cursor = _events(bob, conversation_id, limit=1).next_cursor
    remove(ada, conversation_id, bob)
    with pytest.raises(NotFound):
        _events(bob, conversation_id, page=cursor)


def test_an_event_shows_the_present_state_of_its_message() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    first, second = send(ada, conversation_id, "one"), send(ada, conversation_id, "two")
    messages.edit(caller=ada, conversation_id=conversation_id, message_id=first["id"], text="uno")
    messages.delete(caller=ada, conversation_id=conversation_id, message_id=second["id"])
    created = [event["data"] for event in seen(bob, conversation_id) if event["type"] == "message.created"]
    assert [message["text"] for message in created] == ["uno", None]
    assert created[1]["deleted_at"] is not None


def test_every_kind_of_event_can_be_shown_and_framed() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob)
    message = send(ada, conversation_id)
    where = {"conversation_id": conversation_id, "message_id": message["id"]}
    messages.edit(caller=ada, **where, text="new")
    reactions.react(caller=bob, **where, emoji="👍", added=True)
    reactions.react(caller=bob, **where, emoji="👍", added=False)
    messages.delete(caller=ada, **where)
    service.change(caller=ada, conversation_id=conversation_id, fields={"name": "Rum"})
    add(ada, conversation_id, cyd)
    remove(ada, conversation_id, cyd)
    remove(ada, conversation_id, ada)
    events = seen(bob, conversation_id)
    assert {event["type"] for event in events} == {
        "conversation.created", "conversation.updated", "message.created", "message.updated", "message.deleted",
        "reaction.added", "reaction.removed", "member.added", "member.removed", "member.updated",
    }  # fmt: skip
    assert all(frame(event) for event in events)


# --- what was missed ------------------------------------------------------------------------------------------


def test_a_new_device_gets_every_conversation_and_its_events() -> None:
    ada, bob = people("ada", "bob")
    tea, rum = group(ada, bob), direct(ada, bob)
    send(ada, tea)
    missed = _missed(bob)
    assert {each["conversation"]["id"]: _seqs(each["events"]) for each in missed.conversations} == {
        tea: [1, 2],
        rum: [1],
    }
    assert (missed.removed, missed.more) == ([], False)


def test_a_device_that_has_everything_misses_nothing() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    send(ada, conversation_id)
    assert _missed(bob, {conversation_id: 2}).conversations == []


def test_only_what_came_after_the_cursor_is_missed() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    for number in range(4):
        send(ada, conversation_id, str(number))
    (missed,) = _missed(bob, {conversation_id: 3}).conversations
    assert (_seqs(missed["events"]), missed["more"]) == ([4, 5], False)


def test_what_one_has_no_place_in_any_more_is_removed() -> None:
    ada, bob = people("ada", "bob")
    kept, left, ended = group(ada, bob), group(ada, bob), group(ada, bob)
    remove(ada, left, bob)
    service.delete(caller=ada, conversation_id=ended)
    missed = _missed(bob, {kept: 1, left: 1, ended: 1, "cnv_01kb0000000000000000000001": 4, "nonsense": 1})
    assert missed.conversations == []
    assert set(missed.removed) == {left, ended, "cnv_01kb0000000000000000000001", "nonsense"}


def test_what_was_said_after_a_removal_is_not_synced() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    remove(ada, conversation_id, bob)
    send(ada, conversation_id, "secret")
    assert "secret" not in str(_missed(bob, {conversation_id: 1}))


def test_a_newcomer_s_first_sync_begins_with_their_joining() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    send(ada, conversation_id, "before")
    add(ada, conversation_id, bob)
    (missed,) = _missed(bob).conversations
    assert _seqs(missed["events"]) == [3]


def test_asking_again_with_the_cursors_moved_on_gets_everything() -> None:
    ada, bob = people("ada", "bob")
    rooms = [group(ada, bob) for _ in range(3)]
    for conversation_id in rooms:
        for number in range(12):
            send(ada, conversation_id, f"{number} " + "x" * 300, client_id=f"{conversation_id}{number}")
    cursors: dict[str, int] = {}
    found: dict[str, list[int]] = {conversation_id: [] for conversation_id in rooms}
    for _ in range(40):
        missed = _missed(bob, cursors, max_bytes=6_000)
        for each in missed.conversations:
            conversation_id, seqs = each["conversation"]["id"], _seqs(each["events"])
            found[conversation_id] += seqs
            if seqs:
                cursors[conversation_id] = seqs[-1]
        if not missed.more and not any(each["more"] for each in missed.conversations):
            break
    assert found == {conversation_id: list(range(1, 14)) for conversation_id in rooms}


def test_an_answer_of_long_messages_stays_within_a_megabyte() -> None:
    ada, bob = people("ada", "bob")
    rooms = [group(ada, bob) for _ in range(20)]
    for number, conversation_id in enumerate(rooms):
        _long(ada, conversation_id, number)
    assert sum(each["conversation"]["last_seq"] for each in _missed(bob).conversations)
    assert _size(_missed(bob)) <= 1_000_000


def test_an_answer_on_the_socket_fits_a_post() -> None:
    ada, bob = people("ada", "bob")
    for number in range(4):
        _long(ada, group(ada, bob), number)
    missed = _missed(bob, max_bytes=sync.MAX_SOCKET_ANSWER_BYTES)
    assert missed.more
    assert _size(missed) < 128 * 1024 - 100


def test_whatever_fits_an_answer_there_is_always_something_in_it() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    _long(ada, conversation_id, 1)
    (missed,) = _missed(bob, max_bytes=1).conversations
    seqs = [event["seq"] for event in missed["events"]]
    assert (missed["conversation"]["id"], seqs, missed["more"]) == (conversation_id, [1], True)


def test_more_conversations_than_an_answer_takes_come_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "MAX_CONVERSATIONS", 5)
    ada, bob = people("ada", "bob")
    rooms = {group(ada, bob) for _ in range(8)}
    first = _missed(bob)
    cursors = {each["conversation"]["id"]: each["conversation"]["last_seq"] for each in first.conversations}
    assert (len(cursors), first.more) == (5, True)
    second = _missed(bob, cursors)
    assert cursors.keys() | {each["conversation"]["id"] for each in second.conversations} == rooms
    assert not second.more


def test_a_thousand_removed_conversations_fit_an_answer_too() -> None:
    ada, bob = people("ada", "bob")
    for number in range(3):
        _long(ada, group(ada, bob), number)
    cursors = dict.fromkeys((f"cnv_01kb{n:032}" for n in range(990)), 1)
    missed = _missed(bob, cursors, max_bytes=sync.MAX_SOCKET_ANSWER_BYTES)
    assert len(missed.removed) == 990
    assert _size(missed) < 128 * 1024 - 100


# --- who is behind --------------------------------------------------------------------------------------------


def test_only_conversations_that_moved_on_are_named() -> None:
    ada, bob, eve = people("ada", "bob", "eve")
    moved, still, foreign = group(ada, bob), group(ada, bob), group(eve)
    send(ada, moved)
    cursors = {moved: 1, still: 1, foreign: 0, "nonsense": 0}
    assert sync.behind(caller=bob, cursors=cursors) == {moved: 2}
