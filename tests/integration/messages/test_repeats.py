"""What is kept of a send so that a repeated one is harmless: under a key, and no longer than the message."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from kernel import clock
from kernel.caller import Caller
from kernel.errors import Unprocessable
from messages import service as messages
from messages.api import erase_message
from messages.consumers import erase_expired
from messages.model import NewMessage
from messages.schemas import MessageFields
from tests.helpers import CONTEXT
from tests.integration.rooms import group, people, say, send
from tests.tools import rows

TEXT = "the code is 4711"


def _message(text: str = TEXT) -> NewMessage:
    return MessageFields(client_id="first", text=text).message()


def _kept_about_sends() -> dict[str, Any]:
    """The fingerprint in the log's first message, and everything in the table of sends."""
    (message,) = [row for row in rows("events") if row["type"] == "message.created"]
    return {"fingerprint": message.get("fingerprint"), "sends": rows("sends")}


def _sent() -> tuple[Caller, str, str]:
    (ada,) = people("ada")
    conversation_id = group(ada)
    return ada, conversation_id, str(send(ada, conversation_id, TEXT, client_id="first")["id"])


def test_nobody_who_reads_the_tables_can_try_texts_against_what_is_kept_of_a_send() -> None:
    _sent()
    guessed = _message().fingerprint
    assert guessed == hashlib.sha256(json.dumps(["text", TEXT, None, None, [], {}]).encode()).hexdigest()
    kept = _kept_about_sends()
    assert kept["fingerprint"] is not None
    assert guessed not in json.dumps([*rows("events"), *kept["sends"]], default=str)


def test_a_repeat_is_the_first_message_and_another_text_under_its_client_id_is_refused() -> None:
    ada, conversation_id, message_id = _sent()
    again, is_new = say(ada, conversation_id, TEXT, client_id="first")
    assert (again["id"], is_new) == (message_id, False)
    with pytest.raises(Unprocessable):
        say(ada, conversation_id, "another text", client_id="first")


def test_equal_texts_of_two_sends_do_not_look_alike() -> None:
    ada, conversation_id, _ = _sent()
    send(ada, conversation_id, TEXT, client_id="second")
    prints = {row["fingerprint"] for row in rows("events") if row["type"] == "message.created"}
    assert len(prints) == 2


def test_with_a_deleted_message_goes_what_was_sent_while_its_client_id_is_still_honoured() -> None:
    ada, conversation_id, message_id = _sent()
    messages.delete(caller=ada, conversation_id=conversation_id, message_id=message_id)
    kept = _kept_about_sends()
    assert kept["fingerprint"] is None
    assert [set(row) for row in kept["sends"]] == [{"key", "conversation_id", "seq"}]
    again, is_new = say(ada, conversation_id, TEXT, client_id="first")
    assert (again["id"], again["text"], is_new) == (message_id, None, False)
    assert again["deleted_at"] is not None


def test_with_an_expired_message_goes_what_was_sent_while_its_client_id_is_still_honoured() -> None:
    (ada,) = people("ada")
    with clock.held(clock.now()) as advance:
        conversation_id = group(ada, settings={"disappearing_seconds": 60})
        sent = send(ada, conversation_id, TEXT, client_id="first")
        advance(clock.MINUTE + 1)
        erase_expired.handler({}, CONTEXT)
        assert _kept_about_sends()["fingerprint"] is None
        again, is_new = say(ada, conversation_id, TEXT, client_id="first")
        assert (again["id"], again["deleted_at"], is_new) == (sent["id"], sent["expires_at"], False)


def test_with_an_erased_message_goes_under_which_client_id_it_was_sent() -> None:
    _, conversation_id, message_id = _sent()
    (message,) = [row for row in rows("events") if row["type"] == "message.created"]
    assert erase_message(conversation_id, int(message["seq"]))
    assert "first" not in json.dumps(rows("events"), default=str)
    assert _kept_about_sends()["fingerprint"] is None
    assert message_id
