"""Scheduled and disappearing messages on the deployed stack: the server's clock acts, not a client (contract §5)."""

from __future__ import annotations

import os
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e import drive
from tests.e2e.people import Person, Town
from tests.e2e.tools import eventually, log_of, problem


def in_s(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def draft(text: str = "later", *, at: str, **fields: Any) -> dict[str, Any]:
    return {"client_id": secrets.token_hex(8), "text": text, "send_at": at, **fields}


def texts(who: Person, place: str) -> list[str | None]:
    items = who.ok("GET", f"/conversations/{place}/messages", params={"after": 0})["items"]
    return [item["text"] for item in items]


def scheduled(who: Person, place: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = who.ok("GET", f"/conversations/{place}/scheduled")["items"]
    return items


def test_a_message_is_sent_by_the_server_at_its_time_and_seen_live(ada: Person, bob: Person, tea: str) -> None:
    with bob.live() as live:
        body = draft(at=in_s(4))
        kept = ada.ok("POST", f"/conversations/{tea}/scheduled", body)
        assert (kept["state"], kept["text"]) == ("pending", "later")
        assert scheduled(ada, tea) == [kept]
        assert scheduled(bob, tea) == []
        assert texts(bob, tea) == []
        event = live.expect("message.created", conversation_id=tea, within_s=40)
        assert (event["data"]["text"], event["data"]["client_id"]) == ("later", body["client_id"])
        assert event["data"]["sender_id"] == ada.id
        assert event["data"]["created_at"] >= kept["send_at"]
    eventually(lambda: scheduled(ada, tea) == [])
    assert texts(bob, tea) == ["later"]


def test_a_cancelled_message_is_never_sent(ada: Person, bob: Person, tea: str) -> None:
    kept = ada.ok("POST", f"/conversations/{tea}/scheduled", draft("cancelled", at=in_s(8)))
    sent = ada.ok("POST", f"/conversations/{tea}/scheduled", draft("sent", at=in_s(8.5)))
    at = f"/conversations/{tea}/scheduled/{kept['id']}"
    problem(bob.delete(at), 404, "not_found")
    assert ada.delete(at).status_code == 204
    problem(ada.delete(at), 404, "not_found")
    assert scheduled(ada, tea) == [sent]
    eventually(lambda: texts(bob, tea) == ["sent"], within_s=40)


def test_who_was_removed_sends_nothing_and_is_told(ada: Person, bob: Person, tea: str) -> None:
    bob.ok("POST", f"/conversations/{tea}/scheduled", draft(at=in_s(6)))
    ada.ok("DELETE", f"/conversations/{tea}/members/{bob.id}")
    failed = eventually(lambda: [each for each in scheduled(bob, tea) if each["state"] == "failed"], within_s=40)
    assert failed[0]["reason"] == "not_found"
    assert texts(ada, tea) == []


def test_what_a_scheduled_message_refers_to_is_checked_when_it_is_scheduled(ada: Person, bob: Person, tea: str) -> None:
    place, file = f"/conversations/{tea}/scheduled", drive.upload(ada, b"hello")
    refers = {"reply_to": bob.send(tea, "hello")["id"], "attachment_ids": [file["id"]]}
    kept = ada.ok("POST", place, draft(f"@{bob.username} look", at=in_s(3600), **refers))
    assert kept["text"] == f"@{bob.username} look"
    ada.ok("DELETE", f"{place}/{kept['id']}")
    problem(bob.post(place, draft(at=in_s(3600), **refers)), 400, "validation_failed", field="attachment_ids")


def test_the_same_client_id_is_scheduled_once(ada: Person, tea: str) -> None:
    body = draft(at=in_s(3600))
    first, again = (ada.post(f"/conversations/{tea}/scheduled", body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    problem(ada.post(f"/conversations/{tea}/scheduled", {**body, "text": "other"}), 422, "idempotency_mismatch")
    ada.ok("DELETE", f"/conversations/{tea}/scheduled/{first.json()['id']}")
    problem(ada.post(f"/conversations/{tea}/scheduled", body), 409, "already_sent")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"send_at": "tomorrow"}, "send_at"),
        ({"send_at": "2020-01-01T00:00:00Z"}, "send_at"),
        ({"send_at": "2199-01-01T00:00:00Z"}, "send_at"),
        ({"send_at": "2027-01-01T00:00:00"}, "send_at"),
        ({"send_at": None}, "send_at"),
        ({"text": ""}, "text"),
        ({"text": None}, "text"),
        ({"reply_to": "msg_unknown"}, "reply_to"),
        ({"client_id": ""}, "client_id"),
        ({"foo": 1}, "foo"),
    ],
)
def test_what_is_wrong_is_refused(ada: Person, tea: str, fields: dict[str, Any], field: str) -> None:
    body = {**draft(at=in_s(600)), **fields}
    problem(ada.post(f"/conversations/{tea}/scheduled", body), 400, "validation_failed", field=field)


# --- disappearing ---------------------------------------------------------------------------------------------


def test_a_message_disappears_for_everybody_at_its_time(ada: Person, bob: Person) -> None:
    tea = ada.group_with(bob, settings={"disappearing_seconds": 4})
    word = f"w{secrets.token_hex(6)}"
    sent = ada.send(tea, word)
    lasts = datetime.fromisoformat(sent["expires_at"]) - datetime.fromisoformat(sent["created_at"])
    assert lasts == timedelta(seconds=4)
    assert texts(bob, tea) == [word]
    ada.ok("PATCH", f"/conversations/{tea}/messages/{sent['id']}", {"text": f"{word}, better"})
    bob.ok("PUT", f"/conversations/{tea}/messages/{sent['id']}/reactions/👍")
    time.sleep(max(0.0, (datetime.fromisoformat(sent["expires_at"]) - datetime.now(UTC)).total_seconds()))
    for path in ("messages", f"messages/{sent['id']}", "events"):
        assert word not in bob.get(f"/conversations/{tea}/{path}").text, path
    for answer in (bob.get("/conversations"), bob.post("/sync", {"cursors": {}})):
        assert word not in answer.text
    assert bob.ok("GET", "/search", params={"q": word})["items"] == []
    assert bob.ok("GET", f"/conversations/{tea}")["unread_count"] == 0
    tombstone = bob.ok("GET", f"/conversations/{tea}/messages/{sent['id']}")
    assert (tombstone["text"], tombstone["deleted_at"]) == (None, sent["expires_at"])
    assert [event["seq"] for event in log_of(bob, tea)] == [1, 2, 3, 4]
    problem(ada.patch(f"/conversations/{tea}/messages/{sent['id']}", {"text": "x"}), 410, "gone")


@pytest.mark.skipif("SC_SLOW" not in os.environ, reason="waits for the minute; set SC_SLOW=1")
def test_what_has_expired_is_erased_from_the_tables(town: Town, ada: Person, bob: Person) -> None:
    tea = ada.group_with(bob, settings={"disappearing_seconds": 3})
    word = f"w{secrets.token_hex(6)}"
    ada.send(tea, word)
    eventually(lambda: [table for table in ("events", "search") if town.stores(table, word)] == ["events", "search"])
    eventually(lambda: not any(town.stores(table, word) for table in ("events", "search")), within_s=100)
