"""Sending: one message per client_id, whoever repeats it and when (R3)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conversations import service as conversations
from kernel import clock, ids
from kernel.errors import Forbidden, NotFound, Unprocessable, ValidationFailed
from messages import service
from tests.integration.rooms import add, direct, group, people, remove, say, send, whole_log
from tests.mls import ciphertext
from tests.tools import rows


def test_a_message_is_stored_once_and_shown() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    message, new = say(ada, conversation_id, "hello", client_id="c-1", mentions=[bob.user_id], metadata={"k": [1]})
    assert new
    assert (message["seq"], message["sender_id"], message["client_id"]) == (2, ada.user_id, "c-1")
    assert (message["text"], message["mentions"], message["metadata"]) == ("hello", [bob.user_id], {"k": [1]})
    assert service.get(caller=bob, conversation_id=conversation_id, message_id=message["id"]) == message


def test_an_id_tells_where_its_message_stands() -> None:
    (ada,) = people("ada")
    message = send(ada, group(ada))
    assert ids.position(message["id"]) == message["seq"]


@pytest.mark.parametrize(
    "text", ["x", "\u202e abc", "Grüße 你好 👩‍👩‍👧‍👦", "\ud7ff", "a\nb\tc", "'; DROP TABLE --", "x" * 10_000]
)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    message = send(ada, conversation_id, text, client_id="1")
    assert message["text"] == text
    assert service.get(caller=ada, conversation_id=conversation_id, message_id=message["id"])["text"] == text


@pytest.mark.parametrize("metadata", [{}, {"a": None}, {"a": 1.5, "b": True, "c": [], "d": {"": "é"}}, {"n": 10**30}])
def test_metadata_come_back_as_they_were(metadata: dict[str, Any]) -> None:
    (ada,) = people("ada")
    assert send(ada, group(ada), metadata=metadata)["metadata"] == metadata


# --- repeats --------------------------------------------------------------------------------------------------


def test_the_same_client_id_again_gets_the_first_message() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    first, new = say(ada, conversation_id, client_id="1")
    assert (say(ada, conversation_id, client_id="1"), new) == ((first, False), True)
    assert len(whole_log(conversation_id)) == 2


def test_the_same_client_id_many_times_at_once_makes_one_message() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda _: say(ada, conversation_id, client_id="1"), range(50)))
    assert [new for _, new in results].count(True) == 1
    assert all(message == results[0][0] for message, _ in results)
    assert len(whole_log(conversation_id)) == 2


@pytest.mark.parametrize("later_ms", [11 * clock.MINUTE, 30 * clock.DAY])
def test_the_same_client_id_is_known_later_too(later_ms: int) -> None:
    (ada,) = people("ada")
    with clock.held(clock.now()) as advance:
        conversation_id = group(ada)
        first, _ = say(ada, conversation_id, client_id="1")
        advance(later_ms)
        assert say(ada, conversation_id, client_id="1") == (first, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "other"},
        {"metadata": {"k": 1}},
        {"mentions": ["usr_x"]},
        {"type": "encrypted", "text": None, "ciphertext": "AAAA"},
    ],
)
def test_the_same_client_id_with_another_message_is_refused(changes: dict[str, Any]) -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    send(ada, conversation_id, "hello", client_id="1")
    with pytest.raises(Unprocessable) as refusal:
        say(ada, conversation_id, **{"text": "hello", "client_id": "1", **changes})
    assert (refusal.value.status, refusal.value.stable_code) == (422, "idempotency_mismatch")
    assert len(whole_log(conversation_id)) == 2


def test_the_same_client_id_in_another_conversation_is_refused() -> None:
    (ada,) = people("ada")
    tea, rum = group(ada), group(ada)
    send(ada, tea, client_id="1")
    with pytest.raises(Unprocessable):
        send(ada, rum, client_id="1")


def test_the_same_client_id_of_another_sender_is_another_message() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    send(ada, conversation_id, client_id="1")
    assert say(bob, conversation_id, client_id="1")[1]


def test_a_repeat_shows_the_message_s_present_state() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    message = send(ada, conversation_id, client_id="1")
    service.edit(caller=ada, conversation_id=conversation_id, message_id=message["id"], text="new")
    again, new = say(ada, conversation_id, client_id="1")
    assert (again["text"], new) == ("new", False)


def test_a_repeat_of_a_deleted_message_gets_its_tombstone() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    message = send(ada, conversation_id, client_id="1")
    service.delete(caller=ada, conversation_id=conversation_id, message_id=message["id"])
    again, new = say(ada, conversation_id, client_id="1")
    assert (again["id"], again["text"], new) == (message["id"], None, False)


def test_a_repeat_by_somebody_who_is_out_is_not_found() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    send(bob, conversation_id, client_id="1")
    remove(ada, conversation_id, bob)
    with pytest.raises(NotFound):
        send(bob, conversation_id, client_id="1")


def test_a_refused_message_does_not_take_its_client_id() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob, settings={"who_can_send": "admins"})
    with pytest.raises(Forbidden):
        send(bob, conversation_id, client_id="1")
    conversations.change(caller=ada, conversation_id=conversation_id, fields={"settings": {"who_can_send": "all"}})
    assert say(bob, conversation_id, client_id="1")[1]
    assert len(rows("sends")) == 1


@pytest.mark.parametrize("change", [{"who_can_send": "admins"}, {"encrypted": True}])
def test_a_repeated_send_gets_its_message_whatever_is_forbidden_since(change: dict[str, Any]) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    first = send(bob, conversation_id, client_id="1")
    conversations.change(caller=ada, conversation_id=conversation_id, fields={"settings": change})
    assert say(bob, conversation_id, client_id="1") == (first, False)
    with pytest.raises(Unprocessable):
        say(bob, conversation_id, "other", client_id="1")
    with pytest.raises((Forbidden, ValidationFailed)):
        say(bob, conversation_id, client_id="2")


@pytest.mark.parametrize("blocker", ["ada", "bob"])
def test_a_repeated_send_gets_its_message_though_a_block_came_since(blocker: str) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = direct(ada, bob)
    first = send(bob, conversation_id, client_id="1")
    by, other = (ada, bob) if blocker == "ada" else (bob, ada)
    conversations.note_block(by.user_id, other.user_id, True)
    assert say(bob, conversation_id, client_id="1") == (first, False)
    with pytest.raises((Forbidden, NotFound)):
        say(bob, conversation_id, client_id="2")


# --- who and what ---------------------------------------------------------------------------------------------


def test_a_stranger_sends_nothing() -> None:
    ada, eve = people("ada", "eve")
    conversation_id = group(ada)
    with pytest.raises(NotFound):
        send(eve, conversation_id)


@pytest.mark.parametrize("conversation_id", ["", "x", "cnv_01kb0000000000000000000001", "usr_01kb", "\0"])
def test_into_an_unknown_conversation_nothing_is_sent(conversation_id: str) -> None:
    (ada,) = people("ada")
    with pytest.raises(NotFound):
        send(ada, conversation_id)


def test_where_only_admins_send_a_member_does_not() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob, settings={"who_can_send": "admins"})
    with pytest.raises(Forbidden):
        send(bob, conversation_id)
    send(ada, conversation_id)


def test_an_encrypted_conversation_takes_ciphertext_alone() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada, settings={"encrypted": True})
    with pytest.raises(ValidationFailed):
        send(ada, conversation_id, "plain")
    sealed = ciphertext(conversation_id)
    message, _ = say(ada, conversation_id, None, type="encrypted", ciphertext=sealed)
    assert (message["ciphertext"], message["text"]) == (sealed, None)
    again, is_new = say(ada, conversation_id, None, ciphertext=sealed)
    assert (again, is_new) == (message, False), "the content says which type it is"


# --- replies --------------------------------------------------------------------------------------------------


def test_a_reply_names_its_message() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = direct(ada, bob)
    first = send(ada, conversation_id)
    assert send(bob, conversation_id, "yes", reply_to=first["id"])["reply_to"] == first["id"]


def test_a_reply_to_a_message_elsewhere_is_refused() -> None:
    ada, bob = people("ada", "bob")
    elsewhere = send(ada, group(ada))
    for message_id in (elsewhere["id"], "msg_01kb0000000000000000000001", "nonsense"):
        with pytest.raises(ValidationFailed) as refusal:
            send(ada, group(ada, bob), f"to {message_id}", reply_to=message_id)
        assert refusal.value.errors[0].field == "reply_to"


def test_a_reply_to_a_message_from_before_one_came_is_refused() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    before = send(ada, conversation_id)
    add(ada, conversation_id, bob)
    with pytest.raises(ValidationFailed):
        send(bob, conversation_id, "yes", reply_to=before["id"])
