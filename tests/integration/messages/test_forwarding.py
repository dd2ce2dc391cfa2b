"""Forwarding: a copy with its first author, and nothing of where it stood."""

from __future__ import annotations

from typing import Any

import pytest

from drive.files import service as files
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound, Unprocessable, ValidationFailed
from messages import service
from tests.integration import desk
from tests.integration.rooms import add, group, people, remove, say, seen, send
from tests.mls import ciphertext


def _forward(who: Caller, message: dict[str, Any], to: str, **fields: Any) -> tuple[dict[str, Any], bool]:
    source = {"conversation_id": message["conversation_id"], "message_id": message["id"]}
    return say(who, to, None, client_id=fields.pop("client_id", "forward"), forward=source, **fields)


@pytest.fixture
def rooms() -> tuple[Caller, Caller, Caller, dict[str, Any], str]:
    """Ada wrote to Bob; Bob and Cyd are in another group."""
    ada, bob, cyd = people("ada", "bob.2", "cyd")
    return ada, bob, cyd, send(ada, group(ada, bob), "news for @bob.2", metadata={"k": 1}), group(bob, cyd)


def test_a_forwarded_message_has_the_text_and_its_author(
    rooms: tuple[Caller, Caller, Caller, dict[str, Any], str],
) -> None:
    ada, bob, cyd, original, to = rooms
    message, new = _forward(bob, original, to, metadata={"mine": True})
    assert (new, message["text"], message["sender_id"], message["type"]) == (
        True,
        original["text"],
        bob.user_id,
        "text",
    )
    assert message["forwarded_from"] == {"sender_id": ada.user_id, "sent_at": original["created_at"]}
    assert (message["mentions"], message["metadata"]) == ([], {"mine": True})
    assert service.get(caller=cyd, conversation_id=to, message_id=message["id"]) == message
    assert original["forwarded_from"] is None


def test_nothing_tells_where_it_stood(rooms: tuple[Caller, Caller, Caller, dict[str, Any], str]) -> None:
    _, bob, cyd, original, to = rooms
    _forward(bob, original, to)
    told = str(seen(cyd, to))
    assert original["conversation_id"] not in told
    assert original["id"] not in told


def test_who_forwards_further_keeps_the_first_author(rooms: tuple[Caller, Caller, Caller, dict[str, Any], str]) -> None:
    ada, bob, cyd, original, to = rooms
    message, _ = _forward(bob, original, to)
    further, _ = _forward(cyd, message, group(cyd))
    assert further["forwarded_from"]["sender_id"] == ada.user_id
    assert further["text"] == original["text"]


def test_a_repeat_gets_the_first_also_when_the_original_is_gone(
    rooms: tuple[Caller, Caller, Caller, dict[str, Any], str],
) -> None:
    ada, bob, _, original, to = rooms
    first, _ = _forward(bob, original, to, client_id="1")
    assert _forward(bob, original, to, client_id="1") == (first, False)
    service.delete(caller=ada, conversation_id=original["conversation_id"], message_id=original["id"])
    assert _forward(bob, original, to, client_id="1") == (first, False)
    with pytest.raises(Unprocessable):
        _forward(bob, first, to, client_id="1")
    with pytest.raises(ValidationFailed):
        _forward(bob, original, to, client_id="2")


def test_who_is_out_is_shown_nothing_by_repeating_a_forward_whose_original_is_gone(
    rooms: tuple[Caller, Caller, Caller, dict[str, Any], str],
) -> None:
    _, bob, cyd, _, to = rooms
    original = send(cyd, group(cyd), "mine")
    first, _ = _forward(cyd, original, to)
    service.delete(caller=cyd, conversation_id=original["conversation_id"], message_id=original["id"])
    remove(bob, to, cyd)
    send(bob, to, "not for Cyd", thread_root=first["id"])
    with pytest.raises(NotFound):
        _forward(cyd, original, to)


def test_what_one_may_not_see_cannot_be_forwarded(rooms: tuple[Caller, Caller, Caller, dict[str, Any], str]) -> None:
    ada, bob, cyd, original, to = rooms
    with pytest.raises(ValidationFailed) as refusal:
        _forward(cyd, original, to)
    assert refusal.value.errors[0].field == "forward"
    add(ada, original["conversation_id"], cyd)  # after it was written
    with pytest.raises(ValidationFailed):
        _forward(cyd, original, to)
    remove(ada, original["conversation_id"], bob)
    with pytest.raises(ValidationFailed):
        _forward(bob, original, to)


def test_into_a_conversation_that_one_is_not_in_nothing_is_forwarded(
    rooms: tuple[Caller, Caller, Caller, dict[str, Any], str],
) -> None:
    ada, _, _, original, to = rooms
    with pytest.raises(NotFound):
        _forward(ada, original, to)


def test_nothing_leaves_or_enters_an_encrypted_conversation() -> None:
    ada, bob = people("ada", "bob")
    secret, plain = group(ada, bob, settings={"encrypted": True}), group(ada, bob)
    message, _ = say(ada, secret, None, client_id="1", type="encrypted", ciphertext=ciphertext(secret))
    with pytest.raises(Forbidden) as refusal:
        _forward(ada, message, plain)
    assert refusal.value.stable_code == "encrypted_conversation"
    with pytest.raises(ValidationFailed):
        _forward(ada, send(ada, plain), secret)


def test_one_s_own_files_go_along_by_reference(rooms: tuple[Caller, Caller, Caller, dict[str, Any], str]) -> None:
    ada, bob, cyd, original, to = rooms
    home = original["conversation_id"]
    file_id = desk.put(bob, conversation_id=home)
    sent, _ = say(bob, home, "look", client_id="1", attachment_ids=[file_id])
    message, _ = _forward(bob, sent, to)
    assert (message["type"], message["text"]) == ("file", "look")
    assert [each["id"] for each in message["attachments"]] == [file_id]
    assert home not in str(message)
    assert files.download(caller=cyd, file_id=file_id)["url"]
    with pytest.raises(ValidationFailed):  # they are Bob's to share
        _forward(ada, sent, group(ada, cyd))
    with pytest.raises(ValidationFailed):
        _forward(bob, original, to, client_id="2", attachment_ids=[file_id])


def test_a_text_of_one_s_own_does_not_go_with_it(rooms: tuple[Caller, Caller, Caller, dict[str, Any], str]) -> None:
    _, bob, _, original, to = rooms
    source = {"conversation_id": original["conversation_id"], "message_id": original["id"]}
    with pytest.raises(ValidationFailed):
        say(bob, to, "mine", forward=source)


def test_a_forwarded_text_is_not_edited_and_may_be_deleted(
    rooms: tuple[Caller, Caller, Caller, dict[str, Any], str],
) -> None:
    _, bob, _, original, to = rooms
    message, _ = _forward(bob, original, to)
    with pytest.raises(Forbidden):
        service.edit(caller=bob, conversation_id=to, message_id=message["id"], text="what I never wrote")
    service.delete(caller=bob, conversation_id=to, message_id=message["id"])
    gone = service.get(caller=bob, conversation_id=to, message_id=message["id"])
    assert (gone["text"], gone["forwarded_from"]) == (None, None)
