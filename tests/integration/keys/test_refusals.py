"""What an encrypted conversation refuses: whatever the server could read, on every route that could bring it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conversations import service as conversations
from drive import app as drive
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Problem
from messages import app as messages
from messages.actions import edit_message, send_message
from polls import app as polls
from search import app as search
from tests.helpers import CONTEXT, Person, Reply, ask
from tests.integration import desk as files
from tests.integration import rooms
from tests.mls import ciphertext
from tests.tools import rows, socket_event

CANARY = "c4n4ry"
CONVERSATION = "/conversations/{conversation_id}"


def as_caller(person: Person) -> Caller:
    return Caller(person.user_id, person.session_id)


def encrypted(owner: Person) -> str:
    return rooms.group(as_caller(owner), settings={"encrypted": True})


def switched_on(owner: Person) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A conversation that was in the clear, with a message and a poll from that time."""
    tea = rooms.group(as_caller(owner))
    message = rooms.send(as_caller(owner), tea, "before")
    body = {"client_id": "p", "question": "Tea?", "options": ["yes", "no"], "allow_add_options": True}
    poll = ask(polls.app, "POST", f"{CONVERSATION}/polls", {"conversation_id": tea}, token=owner.token, body=body)
    assert poll.status == 201
    conversations.change(caller=as_caller(owner), conversation_id=tea, fields={"settings": {"encrypted": True}})
    return tea, message, poll.body


def post(app: Any, who: Person, conversation_id: str, what: str, **body: Any) -> Reply:
    path = {"conversation_id": conversation_id}
    return ask(app, "POST", f"{CONVERSATION}/{what}", path, token=who.token, body={"client_id": "c", **body})


TEXTS: dict[str, Callable[[Person, str], Reply]] = {
    "text": lambda who, tea: post(messages.app, who, tea, "messages", text=CANARY),
    "text of type encrypted": lambda who, tea: post(messages.app, who, tea, "messages", type="encrypted", text=CANARY),
    "text beside ciphertext": lambda who, tea: post(
        messages.app, who, tea, "messages", type="encrypted", ciphertext=ciphertext(tea), text=CANARY
    ),
    "metadata beside ciphertext": lambda who, tea: post(
        messages.app, who, tea, "messages", type="encrypted", ciphertext=ciphertext(tea), metadata={"note": CANARY}
    ),
    "poll": lambda who, tea: post(polls.app, who, tea, "polls", question=CANARY, options=["yes", "no"]),
    "scheduled text": lambda who, tea: post(
        messages.app, who, tea, "scheduled", text=CANARY, send_at=clock.rfc3339(clock.now() + clock.HOUR)
    ),
    "draft": lambda who, tea: ask(
        messages.app, "PUT", f"{CONVERSATION}/draft", {"conversation_id": tea}, token=who.token, body={"text": CANARY}
    ),
    "upload of a known type": lambda who, tea: ask(
        drive.app,
        "POST",
        "/drive/uploads",
        token=who.token,
        body={
            "client_id": "u",
            "name": CANARY,
            "size": 3,
            "content_type": "text/plain",
            "sha256": "0" * 64,
            "conversation_id": tea,
        },
    ),
}


@pytest.mark.attack
@pytest.mark.parametrize("name", TEXTS)
def test_no_route_takes_what_the_server_could_read(ada: Person, name: str) -> None:
    tea = encrypted(ada)
    answer = TEXTS[name](ada, tea)
    assert answer.status in (400, 403), answer.body
    assert answer.code in ("validation_failed", "encrypted_conversation", "invalid_ciphertext")
    for table in ("events", "polls", "scheduled", "drafts", "drive", "sends"):
        assert CANARY not in str(rows(table)), table


@pytest.mark.attack
def test_the_socket_takes_no_text_either(ada: Person) -> None:
    tea = encrypted(ada)
    who = as_caller(ada)
    frame = {"action": "sendMessage", "id": "1", "conversation_id": tea, "client_id": "c", "text": CANARY}
    send_message.handler(socket_event(who, frame), CONTEXT)
    assert CANARY not in str(rows("events"))


def test_what_is_from_before_cannot_be_edited_into_the_clear(ada: Person) -> None:
    tea, message, _ = switched_on(ada)
    path = {"conversation_id": tea, "message_id": message["id"]}
    answer = ask(
        messages.app, "PATCH", f"{CONVERSATION}/messages/{{message_id}}", path, token=ada.token, body={"text": CANARY}
    )
    assert (answer.status, answer.code) == (403, "encrypted_conversation")
    frame = {"action": "editMessage", "id": "1", "text": CANARY, **path}
    edit_message.handler(socket_event(as_caller(ada), frame), CONTEXT)
    assert CANARY not in str(rows("events"))


def test_a_poll_from_before_gets_no_further_option(ada: Person) -> None:
    _, _, poll = switched_on(ada)
    path = {"poll_id": poll["id"]}
    answer = ask(polls.app, "POST", "/polls/{poll_id}/options", path, token=ada.token, body={"text": CANARY})
    assert (answer.status, answer.code) == (403, "encrypted_conversation")


def test_nothing_is_forwarded_out_or_in(ada: Person) -> None:
    tea, message, _ = switched_on(ada)
    plain = rooms.group(as_caller(ada))
    out = post(messages.app, ada, plain, "messages", forward={"conversation_id": tea, "message_id": message["id"]})
    assert (out.status, out.code) == (403, "encrypted_conversation")
    other = rooms.send(as_caller(ada), plain, CANARY)
    into = post(messages.app, ada, tea, "messages", forward={"conversation_id": plain, "message_id": other["id"]})
    assert (into.status, into.code) == (400, "validation_failed")


def test_only_files_that_clients_have_encrypted_go_with_a_message(ada: Person) -> None:
    tea = encrypted(ada)
    who = as_caller(ada)
    plain = files.put(who)
    refused = post(
        messages.app, ada, tea, "messages", type="encrypted", ciphertext=ciphertext(tea), attachment_ids=[plain]
    )
    assert refused.body["errors"][0]["field"] == "attachment_ids"
    sealed = files.put(who, content_type="application/octet-stream")
    taken = post(
        messages.app, ada, tea, "messages", type="encrypted", ciphertext=ciphertext(tea), attachment_ids=[sealed]
    )
    assert taken.status == 201


def test_files_are_not_shared_with_it(ada: Person) -> None:
    from drive.sharing import service as sharing

    file_id = files.put(as_caller(ada))
    with pytest.raises(Problem) as refused:
        sharing.share(
            caller=as_caller(ada),
            node_id=file_id,
            file=True,
            user_id=None,
            conversation_id=encrypted(ada),
            role="viewer",
        )
    assert refused.value.stable_code == "encrypted_conversation"


def test_search_finds_nothing_that_was_encrypted(ada: Person) -> None:
    tea = encrypted(ada)
    post(messages.app, ada, tea, "messages", type="encrypted", ciphertext=ciphertext(tea))
    found = ask(search.app, "GET", "/search", token=ada.token, query={"q": "c4n4ry", "conversation_id": tea})
    assert (found.status, found.body["items"]) == (200, [])


@pytest.mark.attack
def test_it_never_goes_back_into_the_clear(ada: Person) -> None:
    tea = encrypted(ada)
    with pytest.raises(Problem) as refused:
        conversations.change(caller=as_caller(ada), conversation_id=tea, fields={"settings": {"encrypted": False}})
    assert refused.value.stable_code == "forbidden"
