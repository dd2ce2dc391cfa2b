"""People: profiles, search, blocks and contacts (contract §3)."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

import pytest

from tests.e2e.people import Person, Town
from tests.e2e.tools import at_once, everything, pages, problem

NOBODY = "usr_01aaaaaaaaaaaaaaaaaaaaaaaa"


def found(person: Person, q: str) -> list[str]:
    return [user["id"] for user in everything(person, "/users", q=q)]


def contacts(person: Person, state: str | None = None) -> dict[str, str]:
    params = {} if state is None else {"state": state}
    return {each["user"]["id"]: each["state"] for each in everything(person, "/contacts", **params)}


# --- profiles -------------------------------------------------------------------------------------------------


def test_a_change_of_the_profile_leaves_the_rest(ada: Person) -> None:
    before = ada.ok("GET", "/users/me")
    changed = ada.ok("PATCH", "/users/me", {"bio": "Countess, 🧮", "settings": {"read_receipts": False}})
    assert changed == {**before, "bio": "Countess, 🧮", "settings": {**before["settings"], "read_receipts": False}}
    cleared = ada.ok("PATCH", "/users/me", {"bio": None, "locale": "en-GB", "settings": {"last_seen": "contacts"}})
    assert (cleared["bio"], cleared["locale"]) == (None, "en-GB")
    assert cleared["settings"] == {**before["settings"], "read_receipts": False, "last_seen": "contacts"}
    assert ada.ok("GET", "/users/me") == cleared


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("display_name", ""),
        ("display_name", "x" * 101),
        ("display_name", None),
        ("bio", "x" * 501),
        ("bio", 7),
        ("locale", "not a locale"),
        ("avatar_file_id", "fil_unknown"),
        ("settings", None),
        ("settings.last_seen", {"last_seen": "friends"}),
        ("settings.colour", {"colour": "blue"}),
        ("username", "other_name"),
        ("role", "admin"),
        ("email_verified", True),
    ],
)
def test_a_wrong_field_of_a_profile_is_named(ada: Person, field: str, value: Any) -> None:
    before = ada.ok("GET", "/users/me")
    problem(ada.patch("/users/me", {field.partition(".")[0]: value}), 400, "validation_failed", field=field)
    assert ada.ok("GET", "/users/me") == before


def test_changes_at_once_all_take_effect(bob: Person) -> None:
    changes: list[dict[str, Any]] = [
        {"bio": "Builder"},
        {"locale": "nl"},
        {"settings": {"ai_enabled": True}},
        {"settings": {"last_seen": "nobody"}},
    ]
    answers = at_once([partial(bob.patch, "/users/me", change) for change in changes])
    assert [answer.status_code for answer in answers] == [200] * 4
    me = bob.ok("GET", "/users/me")
    assert (me["bio"], me["locale"], me["settings"]["ai_enabled"], me["settings"]["last_seen"]) == (
        "Builder",
        "nl",
        True,
        "nobody",
    )


def test_others_see_the_public_profile_only(ada: Person, bob: Person) -> None:
    seen = bob.ok("GET", f"/users/{ada.id}")
    assert seen.keys() == {"id", "username", "display_name", "avatar_url", "bio"}
    assert (seen["id"], seen["username"]) == (ada.id, ada.username)


@pytest.mark.parametrize("user_id", [NOBODY, "x", "cnv_01aaaaaaaaaaaaaaaaaaaaaaaa", "%20"])
def test_nobody_is_found_under_an_id_that_is_nobodys(ada: Person, user_id: str) -> None:
    problem(ada.get(f"/users/{user_id}"), 404, "not_found")


# --- search ---------------------------------------------------------------------------------------------------


def test_people_are_found_by_the_beginning_of_their_names(town: Town, bob: Person) -> None:
    mark = secrets.token_hex(4)
    zoe = town.person("zoe", display_name=f"Zoë{mark} Brontë{mark} Müller")
    for q in (zoe.username[:-1], f"zoe{mark}", f"ZOË{mark} br", f"bronte{mark}", f"zoë{mark}".upper()):
        assert zoe.id in found(bob, q), q
    for q in (f"ronte{mark}", zoe.username[1:], zoe.email):
        assert zoe.id not in found(bob, q), q


def test_a_new_name_is_found_and_the_old_one_is_not(bob: Person, cleo: Person) -> None:
    mark = secrets.token_hex(4)
    cleo.ok("PATCH", "/users/me", {"display_name": f"Kleopatra{mark}"})
    assert found(bob, f"kleopatra{mark}") == [cleo.id]
    cleo.ok("PATCH", "/users/me", {"display_name": f"Philopator{mark}"})
    assert found(bob, f"kleopatra{mark}") == []
    assert found(bob, f"philopator{mark}") == [cleo.id]


def test_everybody_is_found_once_over_all_pages(ada: Person, bob: Person, cleo: Person) -> None:
    mark = secrets.token_hex(4)
    for person in (ada, bob, cleo):
        person.ok("PATCH", "/users/me", {"display_name": f"{mark} {mark}x {person.username}"})
    got = pages(ada, "/users", q=mark, limit=1)
    assert sorted(user["id"] for page in got for user in page) == sorted([ada.id, bob.id, cleo.id])
    assert all(len(page) <= 1 for page in got)


def test_a_search_needs_something_to_search_for(ada: Person) -> None:
    problem(ada.get("/users"), 400, "validation_failed", field="q")
    problem(ada.get("/users", params={"q": ""}), 400, "validation_failed", field="q")
    problem(ada.get("/users", params={"q": "x" * 51}), 400, "validation_failed", field="q")
    assert ada.ok("GET", "/users", params={"q": "  "})["items"] == []
    assert ada.ok("GET", "/users", params={"q": "\x1f%_*'\"\\"})["items"] == []


# --- blocks ---------------------------------------------------------------------------------------------------


def test_a_block_stops_direct_messages_both_ways(town: Town) -> None:
    # given two people with a conversation
    ada, eve = town.people("ada", "eve")
    direct = ada.direct_with(eve)
    sent = eve.send(direct, "hello")
    # when one blocks the other, twice
    for _ in range(2):
        assert ada.put(f"/users/me/blocks/{eve.id}").status_code == 204
    # then neither can write, and only the blocker gets the reason
    new = {"client_id": "after", "text": "are you there?"}
    problem(ada.post(f"/conversations/{direct}/messages", new), 403, "blocked")
    problem(eve.post(f"/conversations/{direct}/messages", new), 404, "not_found")
    message = f"/conversations/{direct}/messages/{sent['id']}"
    problem(eve.patch(message, {"text": "changed"}), 404, "not_found")
    problem(eve.put(f"{message}/reactions/👍"), 404, "not_found")
    problem(eve.post(f"/conversations/{direct}/typing", {"typing": True}), 404, "not_found")
    assert [each["id"] for each in ada.ok("GET", "/users/me/blocks")["items"]] == [eve.id]
    # and once the block is lifted they can write again, in the same conversation
    assert ada.delete(f"/users/me/blocks/{eve.id}").status_code == 204
    assert eve.send(direct, "at last")["seq"] > sent["seq"]
    assert eve.direct_with(ada) == direct
    assert ada.ok("GET", "/users/me/blocks")["items"] == []


def test_a_block_of_both_sides_ends_when_both_lift_it(town: Town) -> None:
    ada, eve = town.people("ada", "eve")
    direct = ada.direct_with(eve)
    ada.put(f"/users/me/blocks/{eve.id}")
    eve.put(f"/users/me/blocks/{ada.id}")
    ada.delete(f"/users/me/blocks/{eve.id}")
    new = {"client_id": "after", "text": "hello"}
    problem(ada.post(f"/conversations/{direct}/messages", new), 404, "not_found")
    problem(eve.post(f"/conversations/{direct}/messages", new), 403, "blocked")
    eve.delete(f"/users/me/blocks/{ada.id}")
    assert ada.post(f"/conversations/{direct}/messages", new).status_code == 201


def test_a_block_stops_new_conversations_invitations_and_requests(town: Town, bob: Person) -> None:
    # given a block between two who have no conversation
    ada, eve = town.people("ada", "eve")
    ada.put(f"/users/me/blocks/{eve.id}")
    # then neither can begin one
    for caller, other, status, code in ((ada, eve, 403, "blocked"), (eve, ada, 404, "not_found")):
        answer = caller.post("/conversations", {"type": "direct", "member_ids": [other.id]})
        problem(answer, status, code)
        problem(caller.post(f"/contacts/{other.id}"), status, code)
    # and neither can add the other to a group
    problem(ada.post("/conversations", {"type": "group", "member_ids": [bob.id, eve.id], "name": "A"}), 403, "blocked")
    problem(ada.post(f"/conversations/{ada.group_with(bob)}/members", {"user_ids": [eve.id]}), 403, "blocked")
    group = eve.group_with(bob, ada)
    assert eve.ok("GET", f"/conversations/{group}")["member_count"] == 2
    added = eve.ok("POST", f"/conversations/{group}/members", {"user_ids": [ada.id]})
    assert added == {"added": [], "skipped": [ada.id]}
    # and the blocked one does not find the blocker
    assert ada.id not in found(eve, ada.username)
    assert eve.id in found(ada, eve.username)


def test_one_cannot_block_oneself_or_nobody(ada: Person) -> None:
    problem(ada.put(f"/users/me/blocks/{ada.id}"), 400, "validation_failed")
    problem(ada.put(f"/users/me/blocks/{NOBODY}"), 404, "not_found")
    problem(ada.put("/users/me/blocks/x"), 404, "not_found")
    assert ada.delete(f"/users/me/blocks/{NOBODY}").status_code == 204


# --- contacts -------------------------------------------------------------------------------------------------


def test_a_request_is_seen_from_both_sides_and_accepted_by_the_other(town: Town) -> None:
    ada, bob = town.people("ada", "bob")
    # when one asks
    asked = ada.post(f"/contacts/{bob.id}")
    assert (asked.status_code, asked.json()["state"], asked.json()["user"]["id"]) == (201, "pending_out", bob.id)
    assert contacts(ada) == contacts(ada, "pending_out") == {bob.id: "pending_out"}
    assert contacts(bob) == contacts(bob, "pending_in") == {ada.id: "pending_in"}
    # then only the other can accept
    problem(ada.post(f"/contacts/{bob.id}/accept"), 404, "not_found")
    assert bob.ok("POST", f"/contacts/{ada.id}/accept")["state"] == "accepted"
    assert contacts(ada, "accepted") == {bob.id: "accepted"}
    assert contacts(bob, "accepted") == {ada.id: "accepted"}
    assert contacts(ada, "pending_out") == contacts(bob, "pending_in") == {}
    # and either can end it
    assert bob.delete(f"/contacts/{ada.id}").status_code == 204
    assert contacts(ada) == contacts(bob) == {}
    assert bob.delete(f"/contacts/{ada.id}").status_code == 204


def test_two_who_ask_each_other_are_contacts(ada: Person, bob: Person) -> None:
    at_once([lambda: ada.post(f"/contacts/{bob.id}"), lambda: bob.post(f"/contacts/{ada.id}")])
    assert contacts(ada)[bob.id] == contacts(bob)[ada.id] == "accepted"


def test_a_block_ends_a_contact(town: Town) -> None:
    ada, eve = town.people("ada", "eve")
    ada.post(f"/contacts/{eve.id}")
    eve.post(f"/contacts/{ada.id}/accept")
    ada.put(f"/users/me/blocks/{eve.id}")
    assert contacts(ada) == contacts(eve) == {}


def test_contacts_come_in_pages(town: Town, ada: Person, bob: Person) -> None:
    cleo = town.person("cleo")
    for other in (ada, bob):
        cleo.ok("POST", f"/contacts/{other.id}")
    got = pages(cleo, "/contacts", limit=1, state="pending_out")
    assert sorted(each["user"]["id"] for page in got for each in page) == sorted([ada.id, bob.id])
    problem(cleo.get("/contacts", params={"state": "friends"}), 400, "validation_failed", field="state")


def test_one_cannot_ask_oneself_or_nobody(ada: Person) -> None:
    problem(ada.post(f"/contacts/{ada.id}"), 400, "validation_failed")
    problem(ada.post(f"/contacts/{NOBODY}"), 404, "not_found")
    problem(ada.post(f"/contacts/{NOBODY}/accept"), 404, "not_found")
    assert ada.delete(f"/contacts/{NOBODY}").status_code == ada.delete(f"/contacts/{ada.id}").status_code == 204
