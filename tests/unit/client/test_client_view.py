"""The state made of events is the state the server shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from secureconnect_client import View
from secureconnect_client.decoding import decode
from secureconnect_client.events import (
    CallEvent,
    CallSignalled,
    DraftUpdated,
    Event,
    MessageCreated,
    PreferencesUpdated,
    Typing,
    conversation_removed,
    parse_event,
)
from secureconnect_client.models import Conversation, Message

SENT = {"id": "m1", "seq": 1, "text": "hello", "sender_id": "ada"}


def event(seq: int, kind: str, /, **data: object) -> Event:
    return parse_event({"type": kind, "conversation_id": "c", "seq": seq, "data": data})


def view(*events: Event) -> View:
    made = View("ada")
    for each in events:
        made.apply(each)
    return made


def messages(made: View) -> tuple[Message, ...]:
    state = made.state("c")
    assert state is not None
    return state.messages


def test_an_edit_replaces_the_message_and_keeps_its_place() -> None:
    made = view(
        event(1, "message.created", **SENT),
        event(2, "message.created", id="m2", seq=2, text="second"),
        event(3, "message.updated", **(SENT | {"text": "bye", "edited_at": "2026-11-22T21:24:05.123Z"})),
    )
    assert [(each.seq, each.text) for each in messages(made)] == [(1, "bye"), (2, "second")]
    assert messages(made)[0].edited_at is not None


def test_a_deleted_message_leaves_a_tombstone() -> None:
    gone = {"id": "m1", "seq": 1, "text": None, "deleted_at": "2026-11-22T21:24:05.123Z"}
    made = view(
        event(1, "message.created", **SENT),
        event(2, "reaction.added", message_id="m1", user_id="ada", emoji="👍"),
        event(3, "message.deleted", **gone),
    )
    (message,) = messages(made)
    assert (message.seq, message.text, message.reactions) == (1, None, ())
    assert message.deleted_at is not None


def test_reactions_are_counted_once_a_person_and_know_mine() -> None:
    made = view(
        event(1, "message.created", **SENT),
        event(2, "reaction.added", message_id="m1", user_id="bob", emoji="👍"),
        event(3, "reaction.added", message_id="m1", user_id="ada", emoji="👍"),
        event(4, "reaction.added", message_id="m1", user_id="bob", emoji="🎉"),
        event(5, "reaction.removed", message_id="m1", user_id="bob", emoji="🎉"),
    )
    (count,) = messages(made)[0].reactions
    assert (count.emoji, count.count, count.mine) == ("👍", 2, True)


def test_the_replies_of_a_thread_are_counted_whenever_its_root_was_read() -> None:
    reply = {"sender_id": "bob", "thread_root": "m1"}
    made = view(
        event(1, "message.created", **(SENT | {"thread_count": 2})),  # as it is now, read from the log
        event(2, "message.created", id="m2", seq=2, **reply),
        event(3, "message.created", id="m3", seq=3, **reply),
        event(4, "message.created", id="m4", seq=4, deleted_at="2026-11-22T21:24:05.123Z", **reply),
        event(5, "message.created", id="m5", seq=5, **reply),
        event(6, "message.deleted", id="m5", seq=5, deleted_at="2026-11-22T21:24:05.123Z", **reply),
    )
    assert [each.thread_count for each in messages(made)] == [2, 0, 0, 0, 0]


def test_applying_an_event_twice_changes_nothing() -> None:
    events = [
        event(1, "message.created", **SENT),
        event(2, "reaction.added", message_id="m1", user_id="ada", emoji="👍"),
        event(3, "reaction.removed", message_id="m1", user_id="ada", emoji="👍"),
    ]
    assert view(*events, *events).state("c") == view(*events).state("c")


def test_what_is_about_messages_never_seen_is_ignored() -> None:
    made = view(
        event(7, "message.updated", id="m0", seq=2, text="x"),
        event(8, "reaction.added", message_id="m0", user_id="bob", emoji="👍"),
        event(9, "message.updated"),
    )
    assert messages(made) == ()


def test_a_conversation_that_was_left_is_forgotten() -> None:
    made = view(event(1, "message.created", **SENT), conversation_removed("c"))
    assert made.state("c") is None


def test_events_are_told_apart_by_their_class() -> None:
    match event(1, "message.created", **SENT):
        case MessageCreated(seq=1, message=Message(text=text)):
            assert text == "hello"
        case other:
            raise AssertionError(other)
    draft = parse_event({"type": "draft.updated", "data": {"conversation_id": "c", "text": None}})
    assert isinstance(draft, DraftUpdated)
    assert (draft.draft.conversation_id, draft.draft.text) == ("c", None)
    assert isinstance(parse_event({"type": "preferences.updated", "data": {"pinned": True}}), PreferencesUpdated)
    typing = parse_event({"type": "typing", "data": {"user_id": "bob", "typing": True}})
    assert isinstance(typing, Typing)
    assert typing.typing
    assert isinstance(parse_event({"type": "call.ringing"}), CallEvent)
    assert isinstance(parse_event({"type": "call.signal"}), CallSignalled)


def test_what_is_odd_or_unknown_on_the_wire_stops_nothing() -> None:
    odd = parse_event({"type": "new.thing", "seq": True, "at": 5, "data": None})
    assert (type(odd), odd.seq, odd.at, odd.data) == (Event, None, None, {})


def test_decoding_ignores_what_is_new_and_fills_in_what_is_missing() -> None:
    raw = {"id": "c", "last_message": {"id": "m", "mentions": ["u"], "reactions": [{"emoji": "x"}]}, "new": 1}
    conversation = decode(Conversation, raw | {"name": None, "created_at": "yesterday"})
    assert (conversation.id, conversation.name, conversation.created_at) == ("c", None, None)
    assert conversation.last_message is not None
    assert conversation.last_message.mentions == ("u",)
    assert conversation.last_message.reactions[0].emoji == "x"
    assert decode(Message, None) == Message()


def test_a_message_is_dropped_at_its_time_without_an_event() -> None:
    moment = [datetime(2026, 11, 22, 21, 0, tzinfo=UTC)]
    made = View("ada", now=lambda: moment[0])
    made.apply(event(1, "message.created", **SENT, expires_at="2026-11-22T21:00:01.000Z", metadata={"note": "hello"}))
    made.apply(event(2, "reaction.added", message_id="m1", user_id="bob", emoji="👍"))
    assert messages(made)[0].text == "hello"
    moment[0] += timedelta(seconds=1)
    (gone,) = messages(made)
    assert (gone.seq, gone.text, gone.metadata, gone.reactions) == (1, None, {}, ())
    assert gone.deleted_at == gone.expires_at
    assert "hello" not in repr(made._logs)


def test_what_comes_in_the_clear_into_an_encrypted_conversation_is_nobodys() -> None:
    made = view(
        event(1, "message.created", **SENT),
        event(
            3, "message.created", id="m3", seq=1, sender_id="bob", text="forged", forwarded_from={"sender_id": "ada"}
        ),
        event(4, "message.created", id="m4", type="encrypted", ciphertext="AA==", sender_id="bob", text="forged"),
        event(5, "message.created", id="m5", type="encrypted", sender_id="bob", text="forged", metadata={"voice": {}}),
        event(6, "message.created", id="m6", type="system", text="Bob joined"),
        event(7, "reaction.added", message_id="m4", user_id="ada", emoji="👍"),
    )
    made.encrypted_from = {"c": 2}.get

    assert [(each.seq, each.type, each.text) for each in messages(made)] == [
        (1, "text", "hello"),
        (3, "in_the_clear", None),
        (4, "encrypted", None),
        (5, "in_the_clear", None),
        (6, "system", "Bob joined"),
    ]
    assert not any(each.reactions or each.metadata or each.forwarded_from for each in messages(made))


def test_what_a_server_leaves_in_a_deleted_message_is_not_shown() -> None:
    left = {"sender_id": "ada", "text": "forged", "deleted_at": "2026-11-22T21:00:00.000Z", "metadata": {"a": 1}}
    made = view(
        event(1, "message.created", **{**SENT, **left}, attachments=[{"id": "f1", "name": "forged.png"}]),
        event(2, "message.created", id="m2", **left, poll={"id": "p1", "question": "forged?"}),
    )
    made.encrypted_from = {"c": 1}.get

    for each in messages(made):
        assert (each.text, each.attachments, each.metadata, each.poll, each.type) == (None, (), {}, None, "text")
        assert each.deleted_at == datetime(2026, 11, 22, 21, 0, tzinfo=UTC)
