"""Versions n and n-1 understand each other's records, jobs, frames, cursors and tokens, either way round.

While a version goes out, both answer calls over the same tables: what one has written the other reads, goes on with and
tells of. Of an answer the newer version may say more than the older one, and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from kernel import clock
from perf.against import NoSuchRevision
from tests.versions import builds as beside
from tests.versions.builds import Builds, Person, Version

# What is made anew for each answer, or says when it was.
OF_THE_ANSWER = {"next_cursor", "url", "upload", "ice_servers", "request_id", "until"}
CHAT, CALL = "/conversations/{conversation_id}", "/calls/{call_id}"
MESSAGE = f"{CHAT}/messages/{{message_id}}"
FILE, FOLDER = "/drive/files/{file_id}", "/drive/folders/{folder_id}"


def test_a_clone_that_does_not_reach_back_is_told_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AGAINST", "0" * 40)
    with pytest.raises(NoSuchRevision, match="fetch --unshallow"):
        beside.previous()


@pytest.fixture(scope="module")
def both() -> Iterator[Builds]:
    if beside.is_shallow():
        try:
            beside.previous()
        except NoSuchRevision as missing:
            pytest.skip(str(missing))
    with beside.builds() as made:
        yield made


@dataclass(frozen=True, slots=True)
class Pair:
    """`first` writes, `second` reads and goes on."""

    both: Builds
    first: Version
    second: Version

    def agree(self, function: str, route: str, who: Person, **named: Any) -> Any:
        """What the second answers to a request, of which the two say the same."""
        old = self.both.old.call(function, route, who, **named)
        new = self.both.new.call(function, route, who, **named)
        _same(old, new, route)
        return new if self.second is self.both.new else old

    def group(self, size: int = 3) -> tuple[list[Person], str]:
        """People and their group, which the first version has made."""
        people = [self.first.does("newcomer") for _ in range(size)]
        members = [each["user_id"] for each in people[1:]]
        body = {"type": "group", "name": "Both", "member_ids": members}
        return people, self.first.call("Conversations", "POST /conversations", people[0], body)["id"]


def _same(old: Any, new: Any, where: str) -> None:
    if isinstance(old, dict):
        assert isinstance(new, dict), where
        assert old.keys() <= new.keys(), f"{where}: the newer version leaves out {old.keys() - new.keys()}"
        for name in old.keys() - OF_THE_ANSWER:
            _same(old[name], new[name], f"{where} {name}")
    elif isinstance(old, list):
        assert isinstance(new, list), where
        assert len(old) == len(new), where
        for n, (one, other) in enumerate(zip(old, new, strict=True)):
            _same(one, other, f"{where}[{n}]")
    else:
        assert old == new, where


@pytest.fixture(params=["the old one writes", "the new one writes"])
def pair(request: pytest.FixtureRequest, both: Builds) -> Pair:
    both.jobs()
    if request.param == "the old one writes":
        return Pair(both, both.old, both.new)
    return Pair(both, both.new, both.old)


def _say(by: Version, who: Person, chat: str, text: str, client_id: str) -> Any:
    body = {"client_id": client_id, "text": text}
    return by.call("Messages", f"POST {CHAT}/messages", who, body, conversation_id=chat)


def test_people_sessions_and_tokens(pair: Pair) -> None:
    ada = pair.first.does("newcomer")
    assert pair.agree("Users", "GET /users/me", ada)["id"] == ada["user_id"]
    pair.second.call("Users", "PATCH /users/me", ada, {"display_name": "Ada of both"})
    assert pair.agree("Users", "GET /users/me", ada)["display_name"] == "Ada of both"
    fresh = pair.second.call("Sessions", "POST /auth/refresh", None, {"refresh_token": ada["refresh_token"]})
    again = {**ada, "access_token": fresh["tokens"]["access_token"]}
    assert pair.agree("Users", "GET /users/me", again)["id"] == ada["user_id"]
    assert len(pair.agree("Sessions", "GET /auth/sessions", again)["items"]) == 1
    fresh = pair.first.call("Sessions", "POST /auth/refresh", None, {"refresh_token": fresh["tokens"]["refresh_token"]})
    last = {**ada, "access_token": fresh["tokens"]["access_token"]}
    pair.second.call("Sessions", "POST /auth/logout", last)
    status, problem = pair.first.reply(
        "Sessions", "POST /auth/refresh", None, {"refresh_token": fresh["tokens"]["refresh_token"]}
    )
    assert status == 401, problem


def test_conversations_members_blocks_and_invitations(pair: Pair) -> None:
    (ada, bob, cleo), chat = pair.group()
    pair.agree("Conversations", f"GET {CHAT}", bob, conversation_id=chat)
    pair.second.call("Conversations", f"PATCH {CHAT}", ada, {"name": "Renamed"}, conversation_id=chat)
    dan = pair.second.does("newcomer")
    pair.second.call("Conversations", f"POST {CHAT}/members", ada, {"user_ids": [dan["user_id"]]}, conversation_id=chat)
    pair.first.call(
        "Conversations", f"DELETE {CHAT}/members/{{user_id}}", ada, conversation_id=chat, user_id=cleo["user_id"]
    )
    listed = pair.agree("Conversations", "GET /conversations", dan)["items"]
    assert [(each["name"], each["member_count"]) for each in listed] == [("Renamed", 3)]
    members = pair.agree("Conversations", f"GET {CHAT}/members", bob, conversation_id=chat)["items"]
    assert {each["user"]["id"] for each in members} == {each["user_id"] for each in (ada, bob, dan)}
    invited = pair.first.call("Invitations", f"POST {CHAT}/invitations", ada, {}, conversation_id=chat)
    eve = pair.second.does("newcomer")
    pair.second.call("Invitations", "POST /invitations/{token}/accept", eve, {}, token=invited["token"])
    assert pair.agree("Conversations", f"GET {CHAT}", eve, conversation_id=chat)["member_count"] == 4
    pair.first.call("Users", "PUT /users/me/blocks/{user_id}", ada, user_id=bob["user_id"])
    assert len(pair.agree("Users", "GET /users/me/blocks", ada)["items"]) == 1


def test_messages_cursors_and_what_is_done_to_them(pair: Pair) -> None:
    (ada, bob, _), chat = pair.group()
    sent = [_say(pair.first, ada, chat, f"word {n}", f"c{n}") for n in range(5)]
    assert _say(pair.second, ada, chat, "word 0", "c0")["id"] == sent[0]["id"], "a repeat is found by the other version"
    page = pair.first.call("Messages", f"GET {CHAT}/messages", bob, conversation_id=chat, query={"limit": "2"})
    query = {"limit": "2", "cursor": page["next_cursor"]}
    pair.agree("Messages", f"GET {CHAT}/messages", bob, conversation_id=chat, query=query)
    one = {"conversation_id": chat, "message_id": sent[1]["id"]}
    pair.second.call("Messages", f"PATCH {MESSAGE}", ada, {"text": "other words"}, **one)
    pair.second.call("Messages", f"PUT {MESSAGE}/reactions/{{emoji}}", bob, **one, emoji="👍")
    pair.first.call("Messages", f"PUT {MESSAGE}/reactions/{{emoji}}", ada, **one, emoji="👍")
    pair.second.call("Messages", f"PUT {CHAT}/pins/{{message_id}}", ada, **one)
    body = {"client_id": "answer", "text": "an answer", "thread_root": sent[1]["id"]}
    pair.second.call("Messages", f"POST {CHAT}/messages", bob, body, conversation_id=chat)
    pair.second.call("Messages", f"DELETE {MESSAGE}", ada, conversation_id=chat, message_id=sent[2]["id"])
    pair.second.call("Messages", f"POST {CHAT}/read", bob, {"seq": sent[3]["seq"]}, conversation_id=chat)
    seen = pair.agree("Messages", f"GET {MESSAGE}", bob, **one)
    assert (seen["text"], seen["reactions"][0]["count"], seen["thread_count"]) == ("other words", 2, 1)
    assert pair.agree("Messages", f"GET {CHAT}/messages", ada, conversation_id=chat)["items"]
    assert len(pair.agree("Messages", f"GET {CHAT}/pins", ada, conversation_id=chat)["items"]) == 1
    assert len(pair.agree("Messages", f"GET {MESSAGE}/thread", ada, **one)["items"]) == 1
    synced = [
        by.call("Conversations", "POST /sync", bob, {"cursors": {chat: 0}}) for by in (pair.both.old, pair.both.new)
    ]
    _same(synced[0], synced[1], "POST /sync")


def test_drafts_and_scheduled_messages(pair: Pair) -> None:
    (ada, *_), chat = pair.group()
    pair.first.call("Messages", f"PUT {CHAT}/draft", ada, {"text": "half a th"}, conversation_id=chat)
    assert len(pair.agree("Messages", "GET /drafts", ada)["items"]) == 1
    body = {"client_id": "later", "text": "good morning", "send_at": clock.rfc3339(clock.now() + clock.HOUR)}
    later = pair.first.call("Scheduled", f"POST {CHAT}/scheduled", ada, body, conversation_id=chat)
    assert len(pair.agree("Scheduled", f"GET {CHAT}/scheduled", ada, conversation_id=chat)["items"]) == 1
    asked = {"user_id": ada["user_id"], "conversation_id": chat, "scheduled_id": later["id"]}
    assert pair.second.does("invoke", function="SendScheduledFunction", event=asked)["done"] is False
    pair.second.call(
        "Scheduled", f"DELETE {CHAT}/scheduled/{{scheduled_id}}", ada, conversation_id=chat, scheduled_id=later["id"]
    )
    assert pair.first.does("invoke", function="SendScheduledFunction", event=asked)["done"] is True


def test_polls(pair: Pair) -> None:
    (ada, bob, cleo), chat = pair.group()
    body = {"client_id": "p", "question": "When?", "options": ["now", "later"], "multiple": True}
    poll = pair.first.call("Polls", f"POST {CHAT}/polls", ada, body, conversation_id=chat)
    choice = [each["id"] for each in poll["options"]]
    of = {"poll_id": poll["id"]}
    pair.second.call("Polls", "PUT /polls/{poll_id}/vote", bob, {"option_ids": choice[:1]}, **of)
    pair.first.call("Polls", "PUT /polls/{poll_id}/vote", cleo, {"option_ids": choice}, **of)
    pair.second.call("Polls", "PUT /polls/{poll_id}/vote", bob, {"option_ids": choice[1:]}, **of)
    pair.agree("Polls", "GET /polls/{poll_id}", ada, **of)
    pair.second.call("Polls", "POST /polls/{poll_id}/close", ada, **of)
    closed = pair.agree("Polls", "GET /polls/{poll_id}", bob, **of)
    assert [each["votes"] for each in closed["options"]] == [1, 2]
    assert pair.first.reply("Polls", "PUT /polls/{poll_id}/vote", bob, {"option_ids": choice[:1]}, **of)[0] == 409
    assert pair.second.does("invoke", function="ClosePollFunction", event=of)["done"] is True


def test_calls(pair: Pair) -> None:
    (ada, bob, _), chat = pair.group()
    call = pair.first.call(
        "Calls", f"POST {CHAT}/calls", ada, {"client_id": "c", "media": "video"}, conversation_id=chat
    )
    of = {"call_id": call["id"]}
    again = pair.second.call(
        "Calls", f"POST {CHAT}/calls", bob, {"client_id": "d", "media": "video"}, conversation_id=chat
    )
    assert again["id"] == call["id"], "the other version knows that there is a live call"
    mine = pair.first.call("Calls", f"POST {CALL}/join", ada, {}, **of)
    theirs = pair.second.call("Calls", f"POST {CALL}/join", bob, {}, **of)
    assert theirs["peers"] == [mine["participant_id"]]
    offer = {"to": mine["participant_id"], "kind": "offer", "payload": {"sdp": "v=0"}}
    pair.second.call("Calls", f"POST {CALL}/signals", bob, offer, **of)
    signals = pair.agree("Calls", f"GET {CALL}/signals", ada, **of, query={"after": "0"})["items"]
    assert [each["kind"] for each in signals] == ["offer"]
    pair.first.call("Calls", f"POST {CALL}/heartbeat", bob, **of)
    media = {"audio": True, "video": False, "screen": False}
    pair.second.call("Calls", f"PUT {CALL}/media-state", ada, media, **of)
    pair.agree("Calls", f"GET {CALL}", bob, **of)
    assert pair.second.does("invoke", function="SweepCallFunction", event=of)["over"] is False
    pair.second.call("Calls", f"POST {CALL}/end", ada, **of)
    assert pair.agree("Calls", f"GET {CALL}", bob, **of)["end_reason"] == "completed"
    assert len(pair.agree("Calls", "GET /calls", bob)["items"]) == 1
    assert pair.first.does("invoke", function="SweepCallFunction", event=of)["over"] is True


def test_the_drive(pair: Pair) -> None:
    ada, bob = pair.first.does("newcomer"), pair.first.does("newcomer")
    folder = pair.first.call("Drive", "POST /drive/folders", ada, {"name": "papers", "parent_id": None})
    upload = {
        "client_id": "u", "name": "notes.txt", "size": 5, "content_type": "text/plain",
        "sha256": hashlib.sha256(b"hello").hexdigest(), "folder_id": folder["id"],
    }  # fmt: skip
    begun = pair.first.call("Uploads", "POST /drive/uploads", ada, upload)
    assert pair.second.call("Uploads", "POST /drive/uploads", ada, upload)["file"]["id"] == begun["file"]["id"]
    arrived = pair.both.arrive(begun)
    found = pair.second.does("invoke", function="IntakeInspectFunction", event=arrived)
    assert pair.first.does("invoke", function="IntakeSettleFunction", event=found)["outcome"] == "ready", found
    file = {"file_id": begun["file"]["id"]}
    assert pair.agree("Drive", f"GET {FILE}", ada, **file)["state"] == "ready"
    pair.second.call(
        "Sharing", f"POST {FOLDER}/shares", ada, {"user_id": bob["user_id"], "role": "viewer"}, folder_id=folder["id"]
    )
    assert len(pair.agree("Sharing", "GET /drive/shared-with-me", bob)["items"]) == 1
    pair.second.call("Drive", f"GET {FILE}/download", bob, **file)
    link = pair.first.call("Sharing", f"POST {FILE}/links", ada, {}, **file)
    pair.second.call("Sharing", "GET /drive/links/{token}", None, token=link["url"].rpartition("/")[2])
    pair.second.call("Drive", f"PATCH {FILE}", ada, {"name": "renamed.txt"}, **file)
    listed = pair.agree("Drive", f"GET {FOLDER}/children", ada, folder_id=folder["id"])["items"]
    assert [each["name"] for each in listed] == ["renamed.txt"]


def test_devices_and_their_key_packages(pair: Pair) -> None:
    ada = pair.first.does("device", packages=3)
    bob = pair.second.does("newcomer")
    pair.agree("Keys", "GET /keys/devices", ada, query={"user_ids": ada["user_id"]})
    claimed = [
        by.call("Keys", "POST /keys/claims", bob, {"user_ids": [ada["user_id"]]})["packages"][0]["package"]
        for by in (pair.second, pair.first)
    ]
    assert claimed[0] != claimed[1], "a package is handed out once, whoever hands it out"
    pair.agree("Keys", "GET /keys/log", bob, query={"user_id": ada["user_id"]})


def test_frames_from_and_to_sockets_that_the_other_has_opened(pair: Pair) -> None:
    people, chat = pair.group(13)
    side = "old" if pair.first is pair.both.old else "new"
    sockets = [f"{side}-socket-{n}=" for n in range(len(people))]
    for who, connection_id in zip(people, sockets, strict=True):
        pair.first.does("connect", who=who, connection_id=connection_id)
    body = {"conversation_id": chat, "client_id": "f", "text": "to all"}
    sent = pair.second.frame("SendMessage", people[0], sockets[0], **body)
    pair.first.take(pair.both.jobs())
    pair.second.frame("MarkRead", people[1], sockets[1], conversation_id=chat, seq=sent["seq"])
    pair.first.frame("Typing", people[1], sockets[1], conversation_id=chat, typing=True)
    waiting = pair.both.jobs()
    pair.second.take(waiting)
    assert waiting, "a group of this size is told by the fan-out"
    for connection_id in sockets[1:]:
        found = [each for each in pair.both.frames(connection_id) if each["type"] == "message.created"]
        assert [each["data"]["text"] for each in found] == ["to all"], connection_id
    told = {each["type"] for each in pair.both.frames(sockets[2])}
    assert {"receipt.updated", "typing"} <= told, told


def test_what_follows_the_log_and_the_jobs_that_come_of_it(pair: Pair) -> None:
    (ada, bob, _), chat = pair.group()
    pair.both.jobs("search", "follow", "notifications", "push")
    body = {"client_id": "m", "text": "a rhubarb for you", "mentions": [bob["user_id"]]}
    sent = pair.first.call("Messages", f"POST {CHAT}/messages", ada, body, conversation_id=chat)
    assert pair.first.does("dispatch", image=pair.both.event(chat, sent["seq"]))["status"] == 200
    for queue, function in (("search", "Index"), ("follow", "Follow"), ("notifications", "Notices")):
        waiting = pair.both.jobs(queue)
        assert waiting or queue != "follow", "the dispatcher may have indexed it at once"
        pair.second.take(waiting, to=function)
    found = pair.agree("Search", "GET /search", bob, query={"q": "rhubarb"})["items"]
    assert len(found) == 1
    notices = pair.agree("Notifications", "GET /notifications", bob)["items"]
    assert [each["kind"] for each in notices] == ["mention"]
