"""What the application data of an encrypted message says."""

from __future__ import annotations

import json

import pytest

from secureconnect_client.encryption.content import (
    PADDED_TO,
    Content,
    PollContent,
    Voice,
    packed,
    unpacked,
)


def test_a_text_is_filled_up_and_comes_back() -> None:
    data = packed(Content("grüezi"))

    assert len(data) == PADDED_TO
    assert unpacked(data) == Content("grüezi")


@pytest.mark.parametrize("data", [b"no JSON", b"[]", b'{"text": 1}', b"\xff"])
def test_what_is_no_content_says_nothing(data: bytes) -> None:
    assert unpacked(data) is None


@pytest.mark.parametrize(
    ("data", "content"),
    [
        pytest.param(b"[" * 30_000, None, id="deep"),
        pytest.param(b'{"text": "tea", "x": NaN}', None, id="no number"),
        pytest.param('{"text": "tea"}'.encode("utf-16"), None, id="UTF-16"),
        pytest.param(b'{"text": "tea", "x": ' + b"9" * 5_000 + b"}", Content("tea"), id="many digits"),
        pytest.param(b'{"text": "tea", "voice": {"duration_ms": 1e999, "waveform": []}}', Content("tea"), id="inf"),
        pytest.param(b'{"text": "tea", "voice": {"duration_ms": 1, "waveform": [true]}}', Content("tea"), id="true"),
        pytest.param(b'{"text": "t\\ud800a"}', Content("t?a"), id="half a pair"),
    ],
)
def test_nothing_that_a_member_writes_stops_its_readers(data: bytes, content: Content | None) -> None:
    assert unpacked(data) == content


def test_names_that_are_not_known_and_files_that_are_none_are_passed_over() -> None:
    data = json.dumps({"text": "hello", "colour": "red", "files": [{"id": "fil_1"}, 7]}).encode()

    assert unpacked(data) == Content("hello")


def test_a_voice_message_and_a_poll_come_back() -> None:
    voice = Content("", voice=Voice(1_500, (0, 50, 100)))
    poll = Content("Tea?", poll=PollContent(("yes", "no"), multiple=True))

    assert unpacked(packed(voice)) == voice
    assert unpacked(packed(poll)) == poll


@pytest.mark.parametrize(
    "poll",
    [7, {"options": ["one"]}, {"options": [1, 2]}, {"options": ["x"] * 21}],
)
def test_a_poll_that_is_none_leaves_the_text(poll: object) -> None:
    data = json.dumps({"text": "Tea?", "poll": poll, "voice": {"duration_ms": "long", "waveform": []}}).encode()

    assert unpacked(data) == Content("Tea?")
