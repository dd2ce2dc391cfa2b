"""Threads, mentions and forwarding, over HTTP and over sockets (contract §5)."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

from tests.e2e.people import Person
from tests.e2e.tools import UNKNOWN_MESSAGE, at_once, everything, messages_at, pages, problem
from tests.mls import ciphertext


def thread_of(who: Person, message: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    return everything(who, messages_at(message["conversation_id"], f"/{message['id']}/thread"), **params)


def now(who: Person, message: dict[str, Any]) -> dict[str, Any]:
    """The present state of a message."""
    found: dict[str, Any] = who.ok("GET", messages_at(message["conversation_id"], f"/{message['id']}"))
    return found


# --- threads --------------------------------------------------------------------------------------------------


def test_a_thread_holds_its_replies_oldest_first(ada: Person, bob: Person, tea: str) -> None:
    # given replies to a message, to each other, and messages outside of the thread
    root = ada.send(tea, "root")
    first = bob.send(tea, "one", thread_root=root["id"])
    ada.send(tea, "beside")
    second = ada.send(tea, "two", thread_root=first["id"])
    # then the thread is flat, and the root has its count wherever the root is shown
    assert thread_of(bob, root) == [first, second]
    assert thread_of(bob, second) == [first, second]
    assert {each["thread_root"] for each in (first, second)} == {root["id"]}
    shown = now(bob, root)
    assert (shown["thread_count"], shown["thread_root"]) == (2, None)
    assert shown in bob.ok("GET", messages_at(tea))["items"]
    events = everything(bob, f"/conversations/{tea}/events")
    assert [event["data"] for event in events if event["seq"] == root["seq"]] == [shown]
    assert [event["type"] for event in events][1:] == ["message.created"] * 4


def test_a_reply_over_the_socket_reaches_everybody_with_its_thread(ada: Person, bob: Person, tea: str) -> None:
    root = ada.send(tea, "root")
    with ada.live() as hers, bob.live() as his:
        reply = his.ok(
            "sendMessage", conversation_id=tea, client_id=secrets.token_hex(8), text="one", thread_root=root["id"]
        )
        assert hers.expect("message.created", thread_root=root["id"])["data"] == reply
        refused = his.ask(
            "sendMessage", conversation_id=tea, client_id=secrets.token_hex(8), text="x", thread_root=UNKNOWN_MESSAGE
        )
        assert refused["problem"]["code"] == "validation_failed"
    assert thread_of(ada, root) == [reply]


def test_a_thread_comes_in_pages(ada: Person, bob: Person, tea: str) -> None:
    root = ada.send(tea, "root")
    sent = at_once([partial(bob.send, tea, f"{n}", thread_root=root["id"]) for n in range(7)])
    place = messages_at(tea, f"/{root['id']}/thread")
    found = pages(ada, place, limit=3)
    assert [len(page) for page in found] == [3, 3, 1]
    assert [each["seq"] for page in found for each in page] == sorted(each["seq"] for each in sent)
    assert now(ada, root)["thread_count"] == 7
    cursor = ada.ok("GET", place, params={"limit": 3})["next_cursor"]
    problem(bob.get(place, params={"cursor": cursor}), 400, "invalid_cursor")
    problem(ada.get(place, params={"limit": 0}), 400, "validation_failed", field="limit")


def test_deletions_leave_the_thread_readable_and_its_count_right(ada: Person, bob: Person, tea: str) -> None:
    root = ada.send(tea, "root")
    replies = [bob.send(tea, f"{n}", thread_root=root["id"]) for n in range(3)]
    bob.ok("DELETE", messages_at(tea, f"/{replies[1]['id']}"))
    assert now(ada, root)["thread_count"] == 2
    ada.ok("DELETE", messages_at(tea, f"/{root['id']}"))
    assert [each["text"] for each in thread_of(bob, root)] == ["0", None, "2"]
    bob.send(tea, "3", thread_root=root["id"])
    assert (now(bob, root)["text"], now(bob, root)["thread_count"]) == (None, 3)


def test_whoever_joined_later_sees_only_what_came_since(ada: Person, bob: Person, cleo: Person, tea: str) -> None:
    root = ada.send(tea, "root")
    bob.send(tea, "before", thread_root=root["id"])
    ada.ok("POST", f"/conversations/{tea}/members", {"user_ids": [cleo.id]})
    problem(cleo.get(messages_at(tea, f"/{root['id']}/thread")), 404, "not_found")
    after = bob.send(tea, "after", thread_root=root["id"])
    assert thread_of(cleo, root) == [after]
    problem(
        cleo.post(messages_at(tea), {"client_id": "1", "text": "x", "thread_root": root["id"]}),
        400,
        "validation_failed",
        field="thread_root",
    )
    assert cleo.send(tea, "me too", thread_root=after["id"])["thread_root"] == root["id"]


def test_a_thread_needs_a_message_that_is_there(ada: Person, cleo: Person, tea: str) -> None:
    elsewhere = ada.send(ada.group_with(), "elsewhere")
    for root in (UNKNOWN_MESSAGE, "x", elsewhere["id"]):
        body = {"client_id": secrets.token_hex(8), "text": "x", "thread_root": root}
        problem(ada.post(messages_at(tea), body), 400, "validation_failed", field="thread_root")
        problem(ada.get(messages_at(tea, f"/{root}/thread")), 404, "not_found")
    problem(ada.post(messages_at(tea), {"client_id": "1", "text": "x", "thread_root": 7}), 400, "validation_failed")
    mine = ada.send(tea, "mine")
    problem(cleo.get(messages_at(tea, f"/{mine['id']}/thread")), 404, "not_found")


def test_another_thread_is_another_message(ada: Person, tea: str) -> None:
    root = ada.send(tea, "root")
    body = {"client_id": secrets.token_hex(8), "text": "x", "thread_root": root["id"]}
    first = ada.ok("POST", messages_at(tea), body)
    assert ada.post(messages_at(tea), body).status_code == 200
    problem(ada.post(messages_at(tea), {**body, "thread_root": None}), 422, "idempotency_mismatch")
    assert [each["id"] for each in thread_of(ada, root)] == [first["id"]]


# --- mentions -------------------------------------------------------------------------------------------------


def test_usernames_in_a_text_are_mentions_of_members(ada: Person, bob: Person, cleo: Person, tea: str) -> None:
    text = f"hi @{bob.username.upper()}, and @{cleo.username}; mail ada@{bob.username}. @{ada.username}."
    sent = ada.send(tea, text, mentions=[cleo.id])
    assert (sent["text"], sent["mentions"], sent["mentions_all"]) == (text, [bob.id, ada.id], False)
    assert now(bob, sent)["mentions"] == [bob.id, ada.id]


def test_admins_mention_all_and_members_write_it(ada: Person, bob: Person, tea: str) -> None:
    assert ada.send(tea, "@all lunch")["mentions_all"] is True
    assert bob.send(tea, "@all lunch")["mentions_all"] is False


def test_unread_mentions_are_counted_until_they_are_read(ada: Person, bob: Person, tea: str) -> None:
    place = f"/conversations/{tea}"
    first = ada.send(tea, f"@{bob.username}")
    ada.send(tea, "nobody")
    last = ada.send(tea, "@all")

    def counts(who: Person) -> tuple[int, int]:
        shown = who.ok("GET", place)
        listed = next(each for each in who.ok("GET", "/conversations")["items"] if each["id"] == tea)
        assert listed == shown
        return shown["unread_count"], shown["unread_mentions"]

    assert (counts(bob), counts(ada)) == ((3, 2), (0, 0))
    bob.ok("POST", f"{place}/read", {"seq": first["seq"]})
    assert counts(bob) == (2, 1)
    ada.ok("PATCH", messages_at(tea, f"/{last['id']}"), {"text": "never mind"})
    assert counts(bob) == (2, 0)
    ada.ok("PATCH", messages_at(tea, f"/{last['id']}"), {"text": f"but you, @{bob.username}"})
    assert counts(bob) == (2, 1)


def test_a_mention_over_the_socket_is_one(ada: Person, bob: Person, tea: str) -> None:
    with ada.live() as hers:
        sent = hers.ok("sendMessage", conversation_id=tea, client_id=secrets.token_hex(8), text=f"@{bob.username} @all")
        edited = hers.ok("editMessage", conversation_id=tea, message_id=sent["id"], text="@all")
    assert (sent["mentions"], sent["mentions_all"]) == ([bob.id], True)
    assert (edited["mentions"], edited["mentions_all"]) == ([], True)


# --- forwarding -----------------------------------------------------------------------------------------------


def forward(who: Person, message: dict[str, Any], to: str, **fields: Any) -> Any:
    source = {"conversation_id": message["conversation_id"], "message_id": message["id"]}
    return who.post(messages_at(to), {"client_id": secrets.token_hex(8), "forward": source, **fields})


def test_a_forwarded_message_tells_its_author_and_not_its_place(ada: Person, bob: Person, cleo: Person) -> None:
    original = ada.send(ada.group_with(bob), "read this", metadata={"secret": 1})
    to = bob.group_with(cleo)
    with cleo.live() as live:
        answer = forward(bob, original, to)
        sent = answer.json()
        assert (answer.status_code, sent["text"], sent["sender_id"]) == (201, "read this", bob.id)
        assert sent["forwarded_from"] == {"sender_id": ada.id, "sent_at": original["created_at"]}
        assert live.expect("message.created", conversation_id=to)["data"] == sent
        assert original["conversation_id"] not in str(live.raw)
    further = forward(cleo, sent, cleo.group_with()).json()
    assert further["forwarded_from"] == sent["forwarded_from"]
    problem(bob.patch(messages_at(to, f"/{sent['id']}"), {"text": "x"}), 403, "forbidden")


def test_a_message_is_forwarded_over_the_socket_too(ada: Person, bob: Person, tea: str) -> None:
    original = ada.send(tea, "read this")
    source = {"conversation_id": tea, "message_id": original["id"]}
    to = bob.group_with()
    with bob.live() as live:
        sent = live.ok("sendMessage", conversation_id=to, client_id=secrets.token_hex(8), forward=source)
    assert (sent["text"], sent["forwarded_from"]["sender_id"]) == ("read this", ada.id)


def test_what_cannot_be_forwarded_is_refused(ada: Person, bob: Person, cleo: Person, tea: str) -> None:
    original, gone = ada.send(tea, "read this"), ada.send(tea, "gone")
    ada.ok("DELETE", messages_at(tea, f"/{gone['id']}"))
    own = cleo.group_with()
    problem(forward(cleo, original, own), 400, "validation_failed", field="forward")
    problem(forward(bob, original, own), 404, "not_found")
    problem(forward(ada, gone, tea), 400, "validation_failed", field="forward")
    problem(
        forward(ada, {"conversation_id": tea, "id": UNKNOWN_MESSAGE}, tea), 400, "validation_failed", field="forward"
    )
    problem(forward(ada, original, tea, text="and mine"), 400, "validation_failed", field="text")
    problem(forward(ada, original, tea, forward={"message_id": original["id"]}), 400, "validation_failed")


def test_nothing_leaves_an_encrypted_conversation(ada: Person, bob: Person, tea: str) -> None:
    secret = ada.group_with(bob, settings={"encrypted": True})
    body = {"client_id": secrets.token_hex(8), "type": "encrypted", "ciphertext": ciphertext(secret)}
    sealed = ada.ok("POST", messages_at(secret), body)
    problem(forward(ada, sealed, tea), 403, "encrypted_conversation")
    problem(forward(ada, ada.send(tea, "plain"), secret), 400, "validation_failed", field="type")
