"""The routes of conversations, messages and realtime: statuses, and answers as the OpenAPI document has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema
import pytest

from conversations.app import app as conversations
from kernel.http import App
from messages.app import app as messages
from realtime.app import app as realtime
from tests.helpers import Person, Reply, ask, someone
from tests.tools import ROOT, captured_lines

ROOM = "/conversations/{conversation_id}"
MESSAGE = f"{ROOM}/messages/{{message_id}}"


@cache
def _document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "docs/api/openapi.json").read_text())
    return found


def _ask(
    who: Person | None, app: App, method: str, path: str, body: Any = None, *, query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None, **parameters: str,
) -> Reply:  # fmt: skip
    """Call a route; its answer must match the OpenAPI document."""
    token = None if who is None else who.token
    reply = ask(app, method, path, parameters, body=body, token=token, query=query, headers=headers)
    answers = _document()["paths"][path][method.lower()]["responses"]
    assert str(reply.status) in answers, (reply.status, reply.body)
    for described in answers[str(reply.status)].get("content", {}).values():
        schema = {**described["schema"], "components": _document()["components"]}
        jsonschema.validate(reply.body, schema)
    return reply


def _room(owner: Person, *others: Person) -> str:
    body = {"type": "group", "member_ids": [other.user_id for other in others], "name": "Tea"}
    made = _ask(owner, conversations, "POST", "/conversations", body)
    assert made.status == 201
    return str(made.body["id"])


def _send(who: Person, room: str, text: str = "hello") -> dict[str, Any]:
    body = {"client_id": text, "text": text}
    made = _ask(who, messages, "POST", f"{ROOM}/messages", body, conversation_id=room)
    assert made.status == 201
    sent: dict[str, Any] = made.body
    return sent


def test_a_day_in_a_group() -> None:
    ada, bob, cyd = someone("ada"), someone("bob"), someone("cyd")
    room = _room(ada, bob)
    assert _ask(bob, conversations, "GET", "/conversations").body["items"][0]["id"] == room
    assert _ask(bob, conversations, "GET", ROOM, conversation_id=room).body["role"] == "member"
    changed = _ask(ada, conversations, "PATCH", ROOM, {"name": "Rum"}, conversation_id=room)
    assert (changed.status, changed.body["name"]) == (200, "Rum")
    added = _ask(ada, conversations, "POST", f"{ROOM}/members", {"user_ids": [cyd.user_id]}, conversation_id=room)
    assert added.body == {"added": [cyd.user_id], "skipped": []}
    path = f"{ROOM}/members/{{user_id}}"
    role = _ask(ada, conversations, "PATCH", path, {"role": "admin"}, conversation_id=room, user_id=bob.user_id)
    assert (role.body["role"], role.body["user"]["username"]) == ("admin", "bob")
    listed = _ask(cyd, conversations, "GET", f"{ROOM}/members", conversation_id=room).body["items"]
    assert {each["user"]["username"]: each["role"] for each in listed} == {
        "ada": "owner",
        "bob": "admin",
        "cyd": "member",
    }
    me = _ask(cyd, conversations, "PUT", f"{ROOM}/me", {"pinned": True}, conversation_id=room)
    assert me.body["pinned"]
    assert _ask(bob, conversations, "DELETE", path, conversation_id=room, user_id=cyd.user_id).status == 204
    assert _ask(cyd, conversations, "GET", ROOM, conversation_id=room).status == 404
    events = _ask(bob, conversations, "GET", f"{ROOM}/events", query={"after": "1"}, conversation_id=room).body["items"]
    assert [event["seq"] for event in events] == [2, 3, 4, 5]
    synced = _ask(bob, conversations, "POST", "/sync", {"cursors": {room: 3}}).body
    assert [event["seq"] for event in synced["conversations"][0]["events"]] == [4, 5]
    assert synced["ephemeral"] == {"calls": []}
    assert _ask(ada, conversations, "DELETE", ROOM, conversation_id=room).status == 204
    assert _ask(bob, conversations, "POST", "/sync", {"cursors": {room: 5}}).body["removed"] == [room]


def test_a_direct_conversation_is_made_once() -> None:
    ada, bob = someone("ada"), someone("bob")
    first = _ask(ada, conversations, "POST", "/conversations", {"type": "direct", "member_ids": [bob.user_id]})
    again = _ask(bob, conversations, "POST", "/conversations", {"type": "direct", "member_ids": [ada.user_id]})
    assert (first.status, again.status) == (201, 200)
    assert first.body["id"] == again.body["id"]


def test_a_day_of_a_message() -> None:
    ada, bob = someone("ada"), someone("bob")
    room = _room(ada, bob)
    sent = _send(ada, room)
    where = {"conversation_id": room, "message_id": sent["id"]}
    again = _ask(
        ada, messages, "POST", f"{ROOM}/messages", {"client_id": "hello", "text": "hello"}, conversation_id=room
    )
    assert (again.status, again.body) == (200, sent)
    other = _ask(ada, messages, "POST", f"{ROOM}/messages", {"client_id": "hello", "text": "x"}, conversation_id=room)
    assert (other.status, other.code) == (422, "idempotency_mismatch")
    assert _ask(bob, messages, "GET", MESSAGE, **where).body == sent
    assert _ask(ada, messages, "PATCH", MESSAGE, {"text": "new"}, **where).body["text"] == "new"
    for method in ("PUT", "DELETE", "PUT"):
        assert _ask(bob, messages, method, f"{MESSAGE}/reactions/{{emoji}}", emoji="👍", **where).status == 204
    (listed,) = _ask(bob, messages, "GET", f"{ROOM}/messages", conversation_id=room).body["items"]
    assert listed["reactions"] == [{"emoji": "👍", "count": 1, "mine": True}]
    read = _ask(bob, messages, "POST", f"{ROOM}/read", {"seq": 2}, conversation_id=room)
    assert (read.status, read.body) == (200, {"read_seq": 2, "unread_count": 0})
    receipts = _ask(ada, messages, "GET", f"{ROOM}/receipts", conversation_id=room).body["items"]
    assert {each["user_id"]: each["read_seq"] for each in receipts} == {ada.user_id: 0, bob.user_id: 2}
    typing = _ask(bob, messages, "POST", f"{ROOM}/typing", {"typing": True}, conversation_id=room)
    assert (typing.status, typing.body) == (204, None)
    assert _ask(bob, messages, "DELETE", MESSAGE, **where).status == 403
    assert _ask(ada, messages, "DELETE", MESSAGE, **where).status == 204
    assert _ask(bob, messages, "GET", MESSAGE, **where).body["deleted_at"] is not None
    assert _ask(ada, messages, "PATCH", MESSAGE, {"text": "x"}, **where).status == 410


def test_a_ticket_is_given_to_who_is_signed_in() -> None:
    given = _ask(someone("ada"), realtime, "POST", "/realtime/tickets")
    assert (given.status, given.body["expires_in"]) == (201, 60)
    assert given.body["url"].startswith("ws")
    assert _ask(None, realtime, "POST", "/realtime/tickets").status == 401


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", ROOM, None),
        ("PATCH", ROOM, {"name": "x"}),
        ("DELETE", ROOM, None),
        ("GET", f"{ROOM}/members", None),
        ("POST", f"{ROOM}/members", {"user_ids": ["usr_1"]}),
        ("PATCH", f"{ROOM}/members/{{user_id}}", {"role": "admin"}),
        ("DELETE", f"{ROOM}/members/{{user_id}}", None),
        ("PUT", f"{ROOM}/me", {"pinned": True}),
        ("GET", f"{ROOM}/events", None),
        ("POST", f"{ROOM}/messages", {"client_id": "1", "text": "x"}),
        ("GET", f"{ROOM}/messages", None),
        ("GET", MESSAGE, None),
        ("PATCH", MESSAGE, {"text": "x"}),
        ("DELETE", MESSAGE, None),
        ("PUT", f"{MESSAGE}/reactions/{{emoji}}", None),
        ("DELETE", f"{MESSAGE}/reactions/{{emoji}}", None),
        ("POST", f"{ROOM}/read", {"seq": 1}),
        ("GET", f"{ROOM}/receipts", None),
        ("POST", f"{ROOM}/typing", {"typing": True}),
    ],
)
def test_to_strangers_there_is_nothing_and_to_nobody_even_less(method: str, path: str, body: Any) -> None:
    ada, bob, eve = someone("ada"), someone("bob"), someone("eve")
    room = _room(ada, bob)
    everything = {
        "conversation_id": room, "message_id": _send(ada, room)["id"], "user_id": bob.user_id, "emoji": "👍"
    }  # fmt: skip
    parameters = {name: value for name, value in everything.items() if f"{{{name}}}" in path}
    app = messages if any(each.path == path and each.method == method for each in messages.routes) else conversations
    assert _ask(eve, app, method, path, body, **parameters).status == 404
    assert _ask(None, app, method, path, body, **parameters).status == 401
    nowhere = {**parameters, "conversation_id": "cnv_01kb0000000000000000000001"}
    assert (
        _ask(ada, app, method, path, body, **nowhere).body["detail"]
        == _ask(eve, app, method, path, body, **parameters).body["detail"]
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "channel", "member_ids": []},
        {"type": "group"},
        {"type": "group", "member_ids": ["x" * 41]},
        {"type": "group", "member_ids": ["usr_1"] * 1_001},
        {"type": "group", "member_ids": [], "name": ""},
        {"type": "group", "member_ids": [], "name": "x" * 101},
        {"type": "group", "member_ids": [], "description": "a\0b"},
        {"type": "group", "member_ids": [], "settings": {"who_can_send": "nobody"}},
        {"type": "group", "member_ids": [], "settings": {"disappearing_seconds": 0}},
        {"type": "group", "member_ids": [], "settings": {"colour": "red"}},
        {"type": "group", "member_ids": [], "owner": "usr_1"},
        {"type": "group", "member_ids": ["\ud800"]},
    ],
)
def test_a_wrong_conversation_is_refused(body: dict[str, Any]) -> None:
    assert _ask(someone("ada"), conversations, "POST", "/conversations", body).status == 400


@pytest.mark.parametrize(
    "cursors",
    [
        None,
        [],
        {"cnv_1": -1},
        {"cnv_1": "7"},
        {"cnv_1": 1.5},
        {"": 1},
        {"x" * 41: 1},
        {f"c{n}": 1 for n in range(1_001)},
    ],
)
def test_wrong_cursors_of_a_sync_are_refused(cursors: Any) -> None:
    assert _ask(someone("ada"), conversations, "POST", "/sync", {"cursors": cursors}).status == 400


@pytest.mark.parametrize(
    "query", [{"after": "-1"}, {"after": "x"}, {"limit": "0"}, {"limit": "101"}, {"cursor": "AAAA"}, {"cursor": "é"}]
)
def test_a_wrong_query_is_refused(query: dict[str, str]) -> None:
    ada = someone("ada")
    room = _room(ada)
    for app, path in ((conversations, f"{ROOM}/events"), (messages, f"{ROOM}/messages")):
        reply = _ask(ada, app, "GET", path, query=query, conversation_id=room)
        assert (reply.status, reply.code) == (400, "invalid_cursor" if "cursor" in query else "validation_failed")


def test_no_canary_reaches_the_log() -> None:
    canary = "c4n4ry-of-a-person"
    ada, bob = someone("ada"), someone("bob")
    room = _room(ada, bob)
    with captured_lines() as lines:
        sent = _send(ada, room, canary)
        where = {"conversation_id": room, "message_id": sent["id"]}
        _ask(ada, messages, "PATCH", MESSAGE, {"text": canary * 2}, **where)
        _ask(bob, messages, "PATCH", MESSAGE, {"text": canary}, **where)
        _ask(bob, messages, "GET", f"{ROOM}/messages", query={"cursor": canary}, conversation_id=room)
        _ask(bob, messages, "GET", MESSAGE, conversation_id=canary, message_id=canary)
        _ask(ada, conversations, "PATCH", ROOM, {"name": canary, "description": canary}, conversation_id=room)
        _ask(ada, conversations, "PATCH", ROOM, {"name": canary, canary: 1}, conversation_id=room)
        _ask(ada, realtime, "POST", "/realtime/tickets", headers={"Idempotency-Key": canary})
    assert len(lines.all) == 8
    assert canary not in lines.text
    assert ada.token not in lines.text
