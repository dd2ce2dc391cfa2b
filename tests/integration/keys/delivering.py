"""Commits, proposals and messages of encrypted groups, as devices send and read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conversations import sync
from kernel.caller import Caller
from keys import app
from messages import app as messages
from tests import mls
from tests.helpers import Person, Reply, ask
from tests.integration import rooms
from tests.integration.keys.desk import b64

ENCRYPTED = {"encrypted": True}


def as_caller(person: Person) -> Caller:
    return Caller(person.user_id, person.session_id)


def group(owner: Person, *others: Person, **settings: Any) -> str:
    return rooms.group(as_caller(owner), *map(as_caller, others), settings={**ENCRYPTED, **settings})


def commit(
    who: Person,
    conversation_id: str,
    epoch: int,
    *,
    message: bytes | None = None,
    client_id: str = "",
    welcomes: Sequence[tuple[Sequence[str], bytes]] = (),
    group_info: bytes | None = None,
) -> Reply:
    body: dict[str, Any] = {
        "client_id": client_id or f"commit-{who.username}-{epoch}",
        "epoch": epoch,
        "commit": b64(message or mls.public_message(conversation_id, epoch)),
    }
    if welcomes:
        body["welcomes"] = [{"device_ids": list(ids), "welcome": b64(each)} for ids, each in welcomes]
    if group_info is not None:
        body["group_info"] = b64(group_info)
    path = {"conversation_id": conversation_id}
    return ask(app.app, "POST", "/conversations/{conversation_id}/mls/commits", path, token=who.token, body=body)


def propose(who: Person, conversation_id: str, proposal: bytes, client_id: str = "p1") -> Reply:
    body = {"client_id": client_id, "proposal": b64(proposal)}
    path = {"conversation_id": conversation_id}
    return ask(app.app, "POST", "/conversations/{conversation_id}/mls/proposals", path, token=who.token, body=body)


def send(who: Person, conversation_id: str, message: bytes, client_id: str = "m1") -> Reply:
    body = {"client_id": client_id, "type": "encrypted", "ciphertext": b64(message)}
    path = {"conversation_id": conversation_id}
    return ask(messages.app, "POST", "/conversations/{conversation_id}/messages", path, token=who.token, body=body)


def say(who: Person, conversation_id: str, epoch: int, client_id: str) -> Reply:
    return send(who, conversation_id, mls.private_message(conversation_id, epoch), client_id)


def waiting(who: Person, device_id: str, **query: str) -> list[dict[str, Any]]:
    found = ask(app.app, "GET", "/keys/welcomes", token=who.token, query={"device_id": device_id, **query})
    assert found.status == 200, found.body
    return list(found.body["items"])


def get(who: Person, conversation_id: str, what: str, **more: str) -> Reply:
    path = {"conversation_id": conversation_id, **more}
    return ask(app.app, "GET", f"/conversations/{{conversation_id}}/mls/{what}", path, token=who.token)


def events(who: Person, conversation_id: str) -> list[dict[str, Any]]:
    page = sync.events(caller=as_caller(who), conversation_id=conversation_id, after=0, limit=100, page=None)
    return [dict(each) for each in page.items]
