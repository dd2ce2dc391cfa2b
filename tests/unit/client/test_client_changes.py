"""Encrypted changes of messages: what they say, who may make them, and what they make of a message."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from secureconnect_client.encryption.changes import Change, Changes, packed_change, unpacked_change
from secureconnect_client.encryption.content import CHANGES_PADDED_TO, PollContent
from secureconnect_client.encryption.decrypted import DecryptedMessage, kept, message_of

AT = "2026-11-29T12:00:00.000Z"
TEXT = DecryptedMessage("cnv_1", 5, "msg_1", "ada", "phone", "tea")
POLL = DecryptedMessage("cnv_1", 6, "msg_2", "ada", "phone", "Tea?", poll=PollContent(("yes", "no", "later")))


def after(message: DecryptedMessage, *changes: tuple[str, Change]) -> DecryptedMessage:
    for by, change in changes:
        message = message.after(change, by=by, at=AT)
    return message


@pytest.mark.parametrize(
    "change",
    [
        Change("msg_1", edit="better"),
        Change("msg_1", react="🎉"),
        Change("msg_1", react="🎉", remove=True),
        Change("msg_1", vote=(0, 2)),
        Change("msg_1", vote=()),
        Change("msg_1", close=True),
        Change("msg_1", react="🎉", remove=True, hash="h" * 44),
    ],
)
def test_a_change_comes_back(change: Change) -> None:
    data = packed_change(change)

    assert len(data) == CHANGES_PADDED_TO
    assert unpacked_change(data) == change


@pytest.mark.parametrize(
    "data", [b"no JSON", b"[]", b'{"text": "tea"}', b'{"change": {"of": 1}}', b'{"change": {"of": "m", "vote": ["0"]}}']
)
def test_what_is_no_change_changes_nothing(data: bytes) -> None:
    assert unpacked_change(data) is None


def test_numbers_and_names_mean_the_same_as_in_a_browser() -> None:
    assert unpacked_change(b'{"change": {"of": "m", "vote": [1.0, -0.0, 2e0]}}') == Change("m", vote=(1, 0, 2))
    assert unpacked_change(b'{"change": {"of": "m", "vote": [1.5]}}') is None
    assert unpacked_change(b'{"change": {"of": "\\ud800", "close": true}}') == Change("?", close=True)
    assert unpacked_change(b"[" * 30_000) is None
    hearts = "\U0001f9e1" * 32  # 64 units of UTF-16
    assert after(TEXT, ("bob", Change("msg_1", react=hearts))).changes.reactions == {hearts: ("bob",)}
    assert after(TEXT, ("bob", Change("msg_1", react="x" * 33))) == TEXT


def test_its_sender_alone_edits_a_text() -> None:
    edited = after(TEXT, ("ada", Change("msg_1", edit="coffee")))

    assert (edited.text, edited.changes.edited_at) == ("coffee", AT)
    assert after(TEXT, ("bob", Change("msg_1", edit="coffee"))) == TEXT
    assert after(POLL, ("ada", Change("msg_2", edit="Coffee?"))) == POLL


def test_a_change_counts_only_for_the_ciphertext_that_it_means() -> None:
    sealed = replace(TEXT, hash="h1")

    assert after(sealed, ("ada", Change("msg_1", edit="coffee", hash="h1"))).text == "coffee"
    assert after(sealed, ("ada", Change("msg_1", edit="coffee", hash="h2"))) == sealed
    assert after(sealed, ("ada", Change("msg_1", edit="coffee"))) == sealed
    assert (
        after(TEXT, ("ada", Change("msg_1", edit="coffee", hash="h1"))).text == "coffee"
    )  # read by an earlier version
    assert message_of(json.loads(json.dumps(kept(sealed)))) == sealed


def test_reactions_are_counted_by_person() -> None:
    party = Change("msg_1", react="🎉")
    message = after(TEXT, ("bob", party), ("ada", party), ("bob", party))

    assert message.changes.reactions == {"🎉": ("ada", "bob")}
    assert after(message, ("ada", Change("msg_1", react="🎉", remove=True))).changes.reactions == {"🎉": ("bob",)}


def test_of_each_person_the_last_vote_before_the_end_counts() -> None:
    def vote(*options: int) -> Change:
        return Change("msg_2", vote=options)

    end = Change("msg_2", close=True)
    message = after(POLL, ("bob", vote(0)), ("bob", vote(1)), ("eve", vote(0, 1)), ("eve", vote(3)), ("bob", end))
    message = after(message, ("ada", vote(2)), ("ada", end), ("ada", vote(0)))

    assert message.changes == Changes(votes={"bob": (1,), "ada": (2,)}, closed=True)


def test_what_was_deleted_or_is_unreadable_is_not_changed() -> None:
    gone = TEXT.emptied()

    assert after(gone, ("ada", Change("msg_1", edit="again"))) == gone


def test_an_expired_message_says_nothing_more() -> None:
    soon = replace(TEXT, expires_at=AT)

    assert soon.as_of(datetime(2026, 11, 29, 11, 59, tzinfo=UTC)) is soon
    assert soon.as_of(datetime(2026, 11, 29, 12, tzinfo=UTC)) == soon.emptied()


def test_the_state_comes_back_from_storage() -> None:
    message = after(POLL, ("bob", Change("msg_2", vote=(1,))), ("bob", Change("msg_2", react="🎉")))
    message = replace(message, expires_at=AT)

    assert message_of(json.loads(json.dumps(kept(message)))) == message
