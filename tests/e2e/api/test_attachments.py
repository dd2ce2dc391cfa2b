"""Files of messages on the deployed stack: for members of the conversation, as long as the message exists (R6)."""

from __future__ import annotations

from functools import partial

import pytest

from tests.e2e import drive
from tests.e2e.people import Person, Town
from tests.e2e.tools import eventually, everything, log_of, problem


@pytest.fixture(scope="module")
def eve(town: Town) -> Person:
    return town.person("eve")


def _gallery(who: Person, group: str) -> list[str]:
    return [each["id"] for each in everything(who, f"/conversations/{group}/files", limit=1)]


def _found(who: Person, group: str, q: str) -> list[str]:
    return [each["id"] for each in everything(who, "/search", q=q, conversation_id=group)]


def _has_nothing_of(who: Person, file_id: str) -> None:
    problem(who.get(f"/drive/files/{file_id}"), 404, "not_found")
    problem(who.get(f"/drive/files/{file_id}/download"), 404, "not_found")


def test_a_file_of_a_message_is_its_members_until_the_message_is_deleted(ada: Person, bob: Person, eve: Person) -> None:
    group = ada.group_with(bob)
    first = drive.upload(ada, b"first", conversation_id=group)
    file = drive.upload(ada, b"hello", name="plan.txt", conversation_id=group)
    assert (file["conversation_id"], file["state"]) == (group, "ready")
    _has_nothing_of(eve, file["id"])
    with bob.live() as live:
        sent = ada.send(group, "Look", attachment_ids=[file["id"]])
        frame = live.expect("message.created")
    messages = [
        sent,
        frame["data"],
        log_of(bob, group)[-1]["data"],
        bob.ok("GET", f"/conversations/{group}/messages/{sent['id']}"),
        bob.ok("GET", f"/conversations/{group}/messages", params={"limit": 1})["items"][0],
    ]
    for message in messages:
        (shown,) = message["attachments"]
        assert {name: shown[name] for name in ("id", "name", "size", "sha256", "state", "owner_id")} == {
            "id": file["id"],
            "name": "plan.txt",
            "size": 5,
            "sha256": file["sha256"],
            "state": "ready",
            "owner_id": ada.id,
        }
    assert drive.download(bob, file["id"]).content == b"hello"
    assert _gallery(bob, group) == [file["id"], first["id"]]
    problem(eve.get(f"/conversations/{group}/files"), 404, "not_found")
    problem(bob.patch(f"/drive/files/{file['id']}", {"name": "mine.txt"}), 403, "forbidden")
    problem(bob.delete(f"/drive/files/{file['id']}"), 403, "forbidden")

    ada.ok("DELETE", f"/conversations/{group}/messages/{sent['id']}")

    _has_nothing_of(bob, file["id"])
    assert _gallery(bob, group) == [first["id"]]
    assert bob.ok("GET", f"/conversations/{group}/messages/{sent['id']}")["attachments"] == []
    assert all(file["id"] not in str(event["data"]) for event in log_of(bob, group))
    assert ada.get(f"/drive/files/{file['id']}/download").status_code in (404, 409)  # 404 after the sweep


def test_a_file_of_the_drive_is_lent_by_its_message_and_stays_its_owner_s(ada: Person, bob: Person) -> None:
    group = ada.group_with(bob)
    file = drive.upload(ada, b"mine")
    _has_nothing_of(bob, file["id"])
    sent = ada.send(group, "Look", attachment_ids=[file["id"]])
    assert drive.download(bob, file["id"]).content == b"mine"
    ada.ok("DELETE", f"/conversations/{group}/messages/{sent['id']}")
    _has_nothing_of(bob, file["id"])
    assert drive.download(ada, file["id"]).content == b"mine"


def test_who_is_removed_has_no_file_of_the_messages_any_more(ada: Person, bob: Person) -> None:
    group = ada.group_with(bob)
    file = drive.upload(ada, b"hello", conversation_id=group)
    ada.send(group, "Look", attachment_ids=[file["id"]])
    assert drive.download(bob, file["id"]).content == b"hello"
    ada.ok("DELETE", f"/conversations/{group}/members/{bob.id}")
    _has_nothing_of(bob, file["id"])
    ada.ok("POST", f"/conversations/{group}/members", {"user_ids": [bob.id]})
    _has_nothing_of(bob, file["id"])
    assert _gallery(bob, group) == []


def test_only_ones_own_files_that_are_ready_are_attached(ada: Person, bob: Person, eve: Person) -> None:
    group = ada.group_with(bob)
    path = f"/conversations/{group}/messages"
    others, begun = drive.upload(bob, b"bobs"), drive.begin(ada, b"later")["file"]
    for n, file_id in enumerate((others["id"], begun["id"], "fil_01kb0000000000000000000009")):
        body = {"client_id": f"c{n}", "text": "Look", "attachment_ids": [file_id]}
        problem(ada.post(path, body), 400, "validation_failed", field="attachment_ids")
    many = {"client_id": "many", "text": "Look", "attachment_ids": [f"fil_{n}" for n in range(11)]}
    problem(ada.post(path, many), 400, "validation_failed", field="attachment_ids")
    problem(eve.post("/drive/uploads", drive.fields(b"x", conversation_id=group)), 404, "not_found")
    ada.ok("DELETE", f"/drive/uploads/{begun['id']}")


def test_a_message_with_files_is_found_by_them(ada: Person, bob: Person) -> None:
    group = ada.group_with(bob)
    file = drive.upload(ada, b"hello", name="Zeugnis.txt", conversation_id=group)
    sent = ada.send(group, "Look", attachment_ids=[file["id"]])
    ada.send(group, "No file here")
    for q in ("zeugnis", "has:file"):
        assert eventually(partial(_found, bob, group, q)) == [sent["id"]]
