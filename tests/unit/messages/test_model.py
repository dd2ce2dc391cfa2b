"""The contents of messages, who may change them, and which texts are emoji."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import clock
from kernel.errors import Forbidden, Gone, Problem, ValidationFailed
from kernel.schema import parse_json, parse_query
from log.model import MESSAGE_CREATED, Event
from messages.changes.reactions import MAX_EMOJI_CHARS, require_emoji
from messages.light_frames import ReadMarker
from messages.list_schemas import MessageQuery
from messages.model import EDIT_WINDOW_MS, NewMessage, Origin, require_content, require_editable
from messages.schemas import MessageFields


def _message(**changes: Any) -> NewMessage:
    fields: dict[str, Any] = {
        "client_id": "1", "type": "text", "text": "hello", "ciphertext": None, "reply_to": None, "mentions": (),
        "metadata": {},
    } | changes  # fmt: skip
    return NewMessage(**fields)


def _refused_field(check: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(ValidationFailed) as refusal:
        check(*arguments, **named)
    return refusal.value.errors[0].field


# --- content --------------------------------------------------------------------------------------------------


def test_a_text_goes_into_an_open_conversation() -> None:
    require_content(_message(), encrypted_conversation=False)


@pytest.mark.parametrize("encrypted", [True, False])
def test_an_encrypted_message_goes_into_any(encrypted: bool) -> None:
    require_content(_message(type="encrypted", text=None, ciphertext="AAAA"), encrypted_conversation=encrypted)


@pytest.mark.parametrize(
    ("changes", "encrypted", "field"),
    [
        ({}, True, "type"),
        ({"text": None}, False, "text"),
        ({"ciphertext": "AAAA"}, False, "ciphertext"),
        ({"type": "encrypted", "text": None}, True, "ciphertext"),
        ({"type": "encrypted", "ciphertext": "AAAA"}, True, "text"),
        ({"forward": Origin("cnv_1", "msg_1")}, False, "text"),
        ({"forward": Origin("cnv_1", "msg_1"), "text": None}, True, "type"),
        (
            {"forward": Origin("cnv_1", "msg_1"), "text": None, "type": "encrypted", "ciphertext": "AAAA"},
            True,
            "forward",
        ),
    ],
)
def test_content_that_does_not_fit_is_refused(changes: dict[str, Any], encrypted: bool, field: str) -> None:
    assert _refused_field(require_content, _message(**changes), encrypted_conversation=encrypted) == field


def test_equal_messages_have_equal_fingerprints() -> None:
    first = _message(metadata={"a": 1, "b": [1, 2]})
    assert first.fingerprint == _message(metadata={"b": [1, 2], "a": 1}).fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "hello "}, {"text": None}, {"type": "encrypted"}, {"ciphertext": "AAAA"}, {"reply_to": "msg_1"},
        {"thread_root": "msg_1"}, {"forward": Origin("cnv_1", "msg_1")}, {"forward": Origin("cnv_1", "msg_2")},
        {"mentions": ("usr_bob",)}, {"metadata": {"a": 1}},
    ],
)  # fmt: skip
def test_another_message_has_another_fingerprint(changes: dict[str, Any]) -> None:
    assert _message(**changes).fingerprint != _message().fingerprint


def test_a_client_id_is_no_part_of_the_fingerprint() -> None:
    assert _message(client_id="2").fingerprint == _message().fingerprint


def test_only_what_there_is_is_stored() -> None:
    assert _message().stored("msg_1") == {"id": "msg_1", "client_id": "1", "type": "text"}
    assert _message(reply_to="msg_0").stored("msg_1", everyone=False, mentions=["usr_bob"]) == {
        "id": "msg_1", "client_id": "1", "type": "text", "reply_to": "msg_0", "mentions": ["usr_bob"],
    }  # fmt: skip


# --- editing --------------------------------------------------------------------------------------------------


def _edit(now: int = 0, editor_id: str = "usr_ada", **changes: Any) -> None:
    data = {"id": "msg_1", "client_id": "1", "type": "text"} | changes.pop("data", {})
    message = Event("cnv_1", 2, MESSAGE_CREATED, "usr_ada", 0, data, **changes)
    with clock.held(now):
        require_editable(message, editor_id)


def test_the_sender_may_edit_for_24_hours_to_the_millisecond() -> None:
    _edit(now=EDIT_WINDOW_MS)
    with pytest.raises(Forbidden) as refusal:
        _edit(now=EDIT_WINDOW_MS + 1)
    assert refusal.value.stable_code == "edit_window_over"
    assert EDIT_WINDOW_MS == 24 * 60 * 60 * 1000


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"editor_id": "usr_bob"}, Forbidden),
        ({"data": {"type": "encrypted"}}, Forbidden),
        ({"data": {"forwarded_from": {"sender_id": "usr_cyd", "sent_at": 0}}}, Forbidden),
        ({"deleted_at": 1}, Gone),
    ],
)
def test_others_messages_other_types_and_deleted_ones_cannot_be_edited(
    changes: dict[str, Any], problem: type[Problem]
) -> None:
    with pytest.raises(problem):
        _edit(**changes)


def test_a_stranger_is_not_told_that_a_message_was_deleted() -> None:
    with pytest.raises(Forbidden):
        _edit(editor_id="usr_bob", deleted_at=1)


# --- emoji ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("emoji", ["👍", "👍🏽", "❤️", "👩‍👩‍👧‍👦", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "#️⃣", "*️⃣", "©️", "™️", "🫠", "↔️"])
def test_an_emoji_is_taken(emoji: str) -> None:
    assert require_emoji(emoji) == emoji


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "1", "#", "*", " ", "👍 ", " 👍", "👍a", "ok", "é", "中", "\0", "👍\0", "\n", "👍\u202e", "👍" * 17,
        "😀.", "😀[0]", "😀#", "😀:", "👍1", "\u200d", "\ufe0f", "$", "+", "<b>", "👍\ud800",
    ],
)  # fmt: skip
def test_what_is_no_emoji_is_refused(text: str) -> None:
    assert _refused_field(require_emoji, text) == "emoji"


@given(st.text(max_size=20))
def test_any_text_is_an_emoji_or_refused(text: str) -> None:
    try:
        require_emoji(text)
    except ValidationFailed:
        return
    assert 1 <= len(text) <= MAX_EMOJI_CHARS
    assert not any(char.isalpha() or char.isspace() for char in text)


# --- bodies ---------------------------------------------------------------------------------------------------


def _body(**changes: Any) -> str:
    return json.dumps({"client_id": "1", "text": "hello"} | changes)


def test_a_body_makes_a_message() -> None:
    message = parse_json(MessageFields, _body(mentions=["usr_bob", "usr_cyd", "usr_bob"])).message()
    assert (message.text, message.type, message.mentions) == ("hello", "text", ("usr_bob", "usr_cyd"))


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "x" * 10_000},
        {"text": "👍" * 10_000},
        {"client_id": "x" * 64},
        {"metadata": {"k": "x" * 4_088}},
        {"metadata": {str(number): 1 for number in range(100, 611)}},  # 4,089 bytes
        {"type": "encrypted", "text": None, "ciphertext": "A" * 65_536},
    ],
)
def test_the_largest_fields_are_taken(changes: dict[str, Any]) -> None:
    parse_json(MessageFields, _body(**changes))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "x" * 10_001}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": 7}, "text"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "x" * 65}, "client_id"),
        ({"client_id": "a\0b"}, "client_id"),
        ({"client_id": None}, "client_id"),
        ({"type": "poll"}, "type"),
        ({"type": "system"}, "type"),
        ({"mentions": ["usr_bob"] * 51}, "mentions"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"k": "x" * 4_089}}, "metadata"),
        ({"metadata": {"k": "é" * 2_048}}, "metadata"),
        ({"metadata": {"k": float("nan")}}, "metadata"),
        ({"metadata": {"k": [float("inf")]}}, "metadata"),
        ({"ciphertext": "A" * 65_540}, "ciphertext"),
        ({"ciphertext": "not base 64"}, "ciphertext"),
        ({"ciphertext": "AAAA\n"}, "ciphertext"),
        ({"ciphertext": "AAAAA"}, "ciphertext"),
        ({"ciphertext": "AAAAA==="}, "ciphertext"),
        ({"ciphertext": "AA==AA=="}, "ciphertext"),
        ({"ciphertext": ""}, "ciphertext"),
        ({"seq": 7}, "seq"),
        ({"sender_id": "usr_bob"}, "sender_id"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str) -> None:
    assert _refused_field(parse_json, MessageFields, _body(**changes)) == field


@pytest.mark.parametrize("seq", [-1, 2**53 + 1, 1.5, "7", None, True])
def test_a_read_marker_is_a_whole_number(seq: Any) -> None:
    assert _refused_field(parse_json, ReadMarker, json.dumps({"seq": seq})) == "seq"


@pytest.mark.parametrize("query", [{"before": "-1"}, {"after": "x"}, {"limit": "101"}])
def test_a_wrong_query_is_refused(query: dict[str, str]) -> None:
    assert _refused_field(parse_query, MessageQuery, query) == next(iter(query))
