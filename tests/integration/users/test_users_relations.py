from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conversations import service as conversations
from kernel import after_commit, clock
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable
from operations.consumers import follow_ups
from tests.helpers import CONTEXT, Person, Reply, ask, someone
from tests.integration.rooms import direct
from users.app import app

NOBODY = "usr_00000000000000000000000000"


def block(by: Person, user_id: str, method: str = "PUT") -> Reply:
    return ask(app, method, "/users/me/blocks/{user_id}", {"user_id": user_id}, token=by.token)


def request(by: Person, other: Person) -> Reply:
    return ask(app, "POST", "/contacts/{user_id}", {"user_id": other.user_id}, token=by.token)


def accept(by: Person, other: Person) -> Reply:
    return ask(app, "POST", "/contacts/{user_id}/accept", {"user_id": other.user_id}, token=by.token)


def remove(by: Person, other: Person) -> Reply:
    return ask(app, "DELETE", "/contacts/{user_id}", {"user_id": other.user_id}, token=by.token)


def contacts(of: Person, **query: str) -> dict[str, str]:
    items = ask(app, "GET", "/contacts", token=of.token, query=query).body["items"]
    return {item["user"]["username"]: item["state"] for item in items}


# --- blocks ---------------------------------------------------------------------------------------------------


def test_a_block_is_listed_until_it_is_lifted(ada: Person, bob: Person) -> None:
    assert block(ada, bob.user_id).status == 204
    assert block(ada, bob.user_id).status == 204

    listed = ask(app, "GET", "/users/me/blocks", token=ada.token).body
    assert [each["username"] for each in listed["items"]] == ["bob"]
    assert ask(app, "GET", "/users/me/blocks", token=bob.token).body["items"] == []

    assert block(ada, bob.user_id, "DELETE").status == 204
    assert block(ada, bob.user_id, "DELETE").status == 204
    assert ask(app, "GET", "/users/me/blocks", token=ada.token).body["items"] == []


def test_blocks_are_paged(ada: Person) -> None:
    for number in range(5):
        block(ada, someone(f"p{number}").user_id)
    first = ask(app, "GET", "/users/me/blocks", token=ada.token, query={"limit": "3"}).body
    query = {"limit": "3", "cursor": first["next_cursor"]}
    second = ask(app, "GET", "/users/me/blocks", token=ada.token, query=query).body

    names = [each["username"] for each in first["items"] + second["items"]]
    assert sorted(names) == [f"p{number}" for number in range(5)]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("user_id", [NOBODY, "x", "ses_1"])
def test_nobody_unknown_can_be_blocked(ada: Person, user_id: str) -> None:
    assert block(ada, user_id).status == 404


def test_nobody_blocks_themselves(ada: Person) -> None:
    assert (block(ada, ada.user_id).status, block(ada, ada.user_id).code) == (400, "validation_failed")


def test_a_block_ends_the_contact_on_both_sides(ada: Person, bob: Person) -> None:
    request(ada, bob)
    accept(bob, ada)

    block(bob, ada.user_id)

    assert contacts(ada) == contacts(bob) == {}


def test_conversations_are_told_of_a_block_and_of_its_end(
    ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[Any, ...]] = []
    monkeypatch.setattr(conversations, "note_block", lambda *arguments: told.append(arguments))

    block(ada, bob.user_id)
    block(ada, bob.user_id, "DELETE")

    assert told == [(ada.user_id, bob.user_id, True), (ada.user_id, bob.user_id, False)]


@pytest.mark.parametrize("first", ["PUT", "DELETE"])
def test_of_a_block_and_its_end_asked_for_at_once_the_later_one_holds_everywhere(
    ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    conversation_id = direct(Caller(ada.user_id, ""), Caller(bob.user_id, ""))
    block(ada, bob.user_id, "PUT" if first == "DELETE" else "DELETE")
    note, came_between = conversations.note_block, list[str]()

    def slowly(*arguments: Any) -> None:
        if not came_between:
            came_between.append("DELETE" if first == "PUT" else "PUT")
            block(ada, bob.user_id, came_between[0])
        note(*arguments)

    monkeypatch.setattr(conversations, "note_block", slowly)
    block(ada, bob.user_id, first)

    blocked = bool(ask(app, "GET", "/users/me/blocks", token=ada.token).body["items"])
    assert blocked == (first == "DELETE")
    place = conversations.require_member(conversation_id, ada.user_id)
    assert place.info.blocked_by == ({ada.user_id} if blocked else set())


# --- contacts -------------------------------------------------------------------------------------------------


def test_a_request_is_pending_on_both_sides(ada: Person, bob: Person) -> None:
    reply = request(ada, bob)

    assert reply.status == 201
    assert (reply.body["user"]["username"], reply.body["state"]) == ("bob", "pending_out")
    assert contacts(ada) == {"bob": "pending_out"}
    assert contacts(bob) == {"ada": "pending_in"}


def test_an_accepted_request_is_a_contact_of_both(ada: Person, bob: Person) -> None:
    asked = request(ada, bob).body

    reply = accept(bob, ada)

    assert (reply.status, reply.body["state"]) == (200, "accepted")
    assert reply.body["created_at"] == asked["created_at"]
    assert contacts(ada) == {"bob": "accepted"}
    assert contacts(bob) == {"ada": "accepted"}


def test_asking_who_has_asked_accepts(ada: Person, bob: Person) -> None:
    request(ada, bob)

    assert request(bob, ada).body["state"] == "accepted"
    assert contacts(ada) == {"bob": "accepted"}


def test_asking_again_changes_nothing(ada: Person, bob: Person) -> None:
    first = request(ada, bob)

    assert request(ada, bob).body == first.body


def test_two_who_ask_each_other_at_once_are_contacts(ada: Person, bob: Person) -> None:
    with ThreadPoolExecutor(2) as threads:
        replies = list(threads.map(lambda pair: request(*pair), [(ada, bob), (bob, ada)]))

    assert {reply.status for reply in replies} == {201}
    assert contacts(ada) == {"bob": "accepted"}
    assert contacts(bob) == {"ada": "accepted"}


def test_only_a_received_request_can_be_accepted(ada: Person, bob: Person) -> None:
    assert accept(ada, bob).status == 404
    request(ada, bob)
    assert accept(ada, bob).status == 404


def test_accepting_again_answers_as_before(ada: Person, bob: Person) -> None:
    request(ada, bob)
    first = accept(bob, ada)
    assert (accept(bob, ada).body, first.status) == (first.body, 200)
    assert contacts(bob) == {"ada": "accepted"}


@pytest.mark.parametrize("who", ["asker", "asked"])
@pytest.mark.parametrize("accepted", [False, True])
def test_either_side_ends_a_request_or_a_contact(ada: Person, bob: Person, who: str, accepted: bool) -> None:
    request(ada, bob)
    if accepted:
        accept(bob, ada)

    one, other = (ada, bob) if who == "asker" else (bob, ada)
    assert remove(one, other).status == 204
    assert remove(one, other).status == 204

    assert contacts(ada) == contacts(bob) == {}


def test_whom_one_blocks_cannot_be_asked(ada: Person, bob: Person) -> None:
    block(ada, bob.user_id)

    assert (request(ada, bob).status, request(ada, bob).code) == (403, "blocked")


def test_who_blocks_one_is_not_found(ada: Person, bob: Person) -> None:
    block(bob, ada.user_id)

    unknown = ask(app, "POST", "/contacts/{user_id}", {"user_id": NOBODY}, token=ada.token)
    assert request(ada, bob).body == unknown.body
    assert unknown.status == 404


def test_nobody_asks_themselves(ada: Person) -> None:
    assert request(ada, ada).code == "validation_failed"


def test_contacts_are_listed_by_state_and_paged(ada: Person) -> None:
    for number in range(4):
        other = someone(f"p{number}")
        request(other, ada)
        if number % 2:
            accept(ada, other)

    assert contacts(ada, state="accepted") == {"p1": "accepted", "p3": "accepted"}
    assert contacts(ada, state="pending_in") == {"p0": "pending_in", "p2": "pending_in"}
    assert contacts(ada, state="pending_out") == {}
    first = ask(app, "GET", "/contacts", token=ada.token, query={"limit": "3"}).body
    second = ask(app, "GET", "/contacts", token=ada.token, query={"limit": "3", "cursor": first["next_cursor"]}).body
    assert len(first["items"]) == 3
    assert len(second["items"]) == 1
    assert second["next_cursor"] is None


def test_a_state_that_does_not_exist_is_refused(ada: Person) -> None:
    reply = ask(app, "GET", "/contacts", token=ada.token, query={"state": "enemy"})

    assert reply.code == "validation_failed"


def test_a_block_that_could_not_be_noted_in_the_conversation_is_noted_by_the_sweep(
    ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation_id = direct(Caller(ada.user_id, ""), Caller(bob.user_id, ""))
    note = conversations.note_block

    def away(*_arguments: Any) -> None:
        raise DependencyUnavailable

    monkeypatch.setattr(conversations, "note_block", away)
    assert block(ada, bob.user_id).status == 204
    monkeypatch.setattr(conversations, "note_block", note)
    assert conversations.require_member(conversation_id, bob.user_id).info.blocked_by == frozenset()

    with clock.held(clock.now() + after_commit.GRACE_MS + clock.SECOND):
        assert follow_ups.handler({}, CONTEXT)["done"] == 1

    assert conversations.require_member(conversation_id, bob.user_id).info.blocked_by == {ada.user_id}
