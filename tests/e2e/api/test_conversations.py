"""Conversations and their members (contract §4)."""

from __future__ import annotations

import os
import secrets
from functools import partial
from typing import Any

import pytest

from tests.e2e import drive
from tests.e2e.people import Person, Town
from tests.e2e.rights.keys_rights import Keyring
from tests.e2e.tools import at_once, eventually, everything, log_of, pages, problem

# the tables in which nothing of a deleted group stays
ERASED = {"conversations", "members", "events", "sends", "reactions", "message_parts", "drafts", "polls", "invitations",
          "reports", "search", "meanings", "keys", "call_index"}  # fmt: skip
NOBODY = "usr_01aaaaaaaaaaaaaaaaaaaaaaaa"


def roles(person: Person, conversation_id: str) -> dict[str, str]:
    found = everything(person, f"/conversations/{conversation_id}/members")
    return {each["user"]["id"]: each["role"] for each in found}


def give_role(giver: Person, conversation_id: str, to: Person, role: str) -> None:
    giver.ok("PATCH", f"/conversations/{conversation_id}/members/{to.id}", {"role": role})


# --- direct conversations -------------------------------------------------------------------------------------


def test_two_people_have_one_direct_conversation(ada: Person, bob: Person) -> None:
    first = ada.post("/conversations", {"type": "direct", "member_ids": [bob.id]})
    again = ada.post("/conversations", {"type": "direct", "member_ids": [bob.id, ada.id]})
    from_the_other = bob.post("/conversations", {"type": "direct", "member_ids": [ada.id]})
    assert [first.status_code, again.status_code, from_the_other.status_code] == [201, 200, 200]
    assert first.json()["id"] == again.json()["id"] == from_the_other.json()["id"]
    made = first.json()
    assert (made["type"], made["role"], made["member_count"], made["last_seq"]) == ("direct", "member", 2, 1)
    assert roles(bob, made["id"]) == {ada.id: "member", bob.id: "member"}


def test_sixteen_who_start_it_at_once_get_the_same_one(town: Town) -> None:
    ada, bob = town.people("ada", "bob")

    def start(one: Person, other: Person) -> Any:
        return one.post("/conversations", {"type": "direct", "member_ids": [other.id]})

    answers = at_once([lambda: start(ada, bob), lambda: start(bob, ada)] * 8)
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    (conversation,) = {answer.json()["id"] for answer in answers}
    for person in (ada, bob):
        assert [each["id"] for each in everything(person, "/conversations")] == [conversation]
    assert [event["type"] for event in log_of(ada, conversation)] == ["conversation.created"]


@pytest.mark.parametrize("others", [0, 2])
def test_a_direct_conversation_is_with_one_other(ada: Person, bob: Person, cleo: Person, others: int) -> None:
    body = {"type": "direct", "member_ids": [bob.id, cleo.id][:others]}
    problem(ada.post("/conversations", body), 400, "validation_failed", field="member_ids")
    problem(ada.post("/conversations", {**body, "member_ids": [ada.id]}), 400, "validation_failed", field="member_ids")
    problem(ada.post("/conversations", {**body, "member_ids": [NOBODY]}), 404, "not_found")


def test_a_direct_conversation_may_begin_encrypted(town: Town) -> None:
    ada, bob = town.people("ada", "bob")
    body = {"type": "direct", "member_ids": [bob.id], "settings": {"encrypted": True, "disappearing_seconds": 3600}}
    made = ada.ok("POST", "/conversations", body)
    assert (made["settings"]["encrypted"], made["settings"]["disappearing_seconds"]) == (True, 3600)
    plain = {"client_id": secrets.token_hex(8), "text": "plain"}
    problem(bob.post(f"/conversations/{made['id']}/messages", plain), 400, "validation_failed", field="type")
    # and it has no admins, so nothing can be restricted to them
    body["settings"] = {"who_can_send": "admins"}
    problem(ada.post("/conversations", body), 400, "validation_failed", field="settings.who_can_send")


def test_a_direct_conversation_is_not_managed(ada: Person, bob: Person, cleo: Person) -> None:
    place = f"/conversations/{ada.direct_with(bob)}"
    problem(ada.patch(place, {"name": "Us"}), 403, "forbidden")
    problem(ada.delete(place), 403, "forbidden")
    problem(ada.post(f"{place}/members", {"user_ids": [cleo.id]}), 403, "forbidden")
    problem(ada.patch(f"{place}/members/{bob.id}", {"role": "admin"}), 403, "forbidden")
    problem(ada.delete(f"{place}/members/{bob.id}"), 403, "forbidden")
    problem(ada.delete(f"{place}/members/{ada.id}"), 403, "forbidden")


# --- groups ---------------------------------------------------------------------------------------------------


def test_a_group_begins_with_its_founder_as_owner(ada: Person, bob: Person) -> None:
    body = {
        "type": "group",
        "member_ids": [bob.id, ada.id, bob.id],
        "name": "Tea 🫖",
        "description": "Every day at five",
        "settings": {"who_can_add": "admins", "history_visible": True},
    }
    made = ada.ok("POST", "/conversations", body)
    assert (made["name"], made["description"], made["role"], made["member_count"]) == (
        "Tea 🫖",
        "Every day at five",
        "owner",
        2,
    )
    assert made["settings"] == {
        "who_can_send": "all",
        "who_can_add": "admins",
        "who_can_create_polls": "all",
        "who_can_pin": "all",
        "ai_enabled": False,
        "encrypted": False,
        "disappearing_seconds": None,
        "history_visible": True,
        "slow_mode_seconds": 0,
        "moderation": "off",
    }
    seen = bob.ok("GET", f"/conversations/{made['id']}")
    assert seen == {**made, "role": "member"}


def test_a_group_of_one_is_possible(ada: Person) -> None:
    assert ada.ok("GET", f"/conversations/{ada.group_with()}")["member_count"] == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "channel"),
        ("member_ids", [NOBODY]),
        ("member_ids", "usr_1"),
        ("member_ids", [f"usr_{n}" for n in range(1_001)]),
        ("name", ""),
        ("name", "x" * 101),
        ("name", "a\0b"),
        ("description", "x" * 501),
        ("settings.who_can_send", {"who_can_send": "nobody"}),
        ("settings.disappearing_seconds", {"disappearing_seconds": 0}),
        ("settings.colour", {"colour": "blue"}),
        ("owner_id", "usr_1"),
    ],
)
def test_a_wrong_field_of_a_group_is_named(ada: Person, field: str, value: Any) -> None:
    body = {"type": "group", "member_ids": [], "name": "A group", field.partition(".")[0]: value}
    problem(ada.post("/conversations", body), 400, "validation_failed", field=field)


def test_owner_and_admins_change_a_group(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.group_with(bob, cleo, description="old")
    give_role(ada, group, bob, "admin")
    changed = bob.ok("PATCH", f"/conversations/{group}", {"name": "New", "settings": {"who_can_send": "admins"}})
    assert (changed["name"], changed["description"]) == ("New", "old")
    assert changed["settings"]["who_can_send"] == "admins"
    assert ada.ok("PATCH", f"/conversations/{group}", {"description": None})["description"] is None
    assert cleo.ok("GET", f"/conversations/{group}")["name"] == "New"
    problem(cleo.patch(f"/conversations/{group}", {"name": "Mine"}), 403, "forbidden")


def test_what_admins_may_do_alone_members_may_not(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.group_with(bob, settings={"who_can_send": "admins", "who_can_add": "admins"})
    problem(bob.post(f"/conversations/{group}/messages", {"client_id": "a", "text": "hi"}), 403, "forbidden")
    problem(bob.post(f"/conversations/{group}/members", {"user_ids": [cleo.id]}), 403, "forbidden")
    give_role(ada, group, bob, "admin")
    assert bob.send(group, "now I may")["sender_id"] == bob.id
    assert bob.ok("POST", f"/conversations/{group}/members", {"user_ids": [cleo.id]})["added"] == [cleo.id]


def test_encryption_is_not_switched_off_again(ada: Person) -> None:
    group = ada.group_with(settings={"encrypted": True})
    problem(ada.patch(f"/conversations/{group}", {"settings": {"encrypted": False}}), 403, "forbidden")
    assert ada.ok("GET", f"/conversations/{group}")["settings"]["encrypted"] is True


def test_only_the_owner_deletes_a_group_and_then_nobody_has_it(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.group_with(bob, cleo)
    give_role(ada, group, bob, "admin")
    for person in (bob, cleo):
        problem(person.delete(f"/conversations/{group}"), 403, "forbidden")
    assert ada.delete(f"/conversations/{group}").status_code == 204
    for person in (ada, bob, cleo):
        problem(person.get(f"/conversations/{group}"), 404, "not_found")
        assert group not in [each["id"] for each in everything(person, "/conversations")]
        assert person.ok("POST", "/sync", {"cursors": {group: 0}})["removed"] == [group]
    problem(ada.delete(f"/conversations/{group}"), 404, "not_found")


def test_a_group_is_deleted_with_all_that_it_had(
    town: Town, ada: Person, bob: Person, cleo: Person, dan: Person
) -> None:
    """It is erased after a minute; SC_SLOW=1 waits for that."""
    # given a group with data of every domain, and an encrypted one
    group = ada.group_with(bob, settings={"ai_enabled": True})
    place = f"/conversations/{group}"
    said = ada.send(group, "The launch was postponed")
    ada.send(group, "indeed", thread_root=said["id"])
    ada.ok("PATCH", f"{place}/messages/{said['id']}", {"text": "The launch was postponed again"})
    bob.ok("PUT", f"{place}/messages/{said['id']}/reactions/👍")
    bob.ok("POST", f"{place}/messages/{said['id']}/reports", {"reason": "It is rude."})
    bob.ok("PUT", f"{place}/draft", {"text": "unsaid"})
    link = ada.ok("POST", f"{place}/invitations", {})
    body = {"client_id": secrets.token_hex(8), "question": "When?", "options": ["now", "later"]}
    poll = ada.ok("POST", f"{place}/polls", body)
    bob.ok("PUT", f"/polls/{poll['id']}/vote", {"option_ids": [poll["options"][0]["id"]]})
    own, lent = drive.upload(ada, b"own", conversation_id=group), drive.upload(ada, b"lent")
    ada.ok("POST", f"/drive/files/{lent['id']}/shares", {"conversation_id": group, "role": "viewer"})
    secret = Keyring({"owner": ada, "admin": bob, "member": cleo, "former": dan}, "").group
    # when they are deleted
    for each in (group, secret):
        ada.ok("DELETE", f"/conversations/{each}")
    # then nothing of them is there for its former members
    for path in (
        f"{place}/messages",
        f"/polls/{poll['id']}",
        f"/drive/files/{own['id']}",
        f"/drive/files/{lent['id']}",
    ):
        problem(bob.get(path), 404, "not_found")
    problem(dan.get(f"/invitations/{link['token']}"), 410, "gone")
    problem(bob.get(f"/conversations/{secret}/mls/group-info"), 404, "not_found")
    if "SC_SLOW" in os.environ:
        eventually(lambda: not ERASED & town.tables_with(group, secret), within_s=150.0, every_s=5.0)


# --- members --------------------------------------------------------------------------------------------------


def test_members_are_added_and_who_cannot_be_is_named(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.group_with(bob)
    body = {"user_ids": [bob.id, cleo.id, NOBODY, "nonsense", cleo.id]}
    assert ada.ok("POST", f"/conversations/{group}/members", body) == {
        "added": [cleo.id],
        "skipped": [bob.id, NOBODY, "nonsense"],
    }
    assert roles(cleo, group) == {ada.id: "owner", bob.id: "member", cleo.id: "member"}
    assert cleo.ok("GET", f"/conversations/{group}")["member_count"] == 3
    problem(ada.post(f"/conversations/{group}/members", {"user_ids": []}), 400, "validation_failed", field="user_ids")


def test_people_added_at_once_by_several_are_members_once(ada: Person, bob: Person, cleo: Person, dan: Person) -> None:
    group = ada.group_with(bob)
    new = {"user_ids": [cleo.id, dan.id]}
    answers = at_once([lambda: ada.ok("POST", f"/conversations/{group}/members", new)] * 4)
    assert sorted(each for answer in answers for each in answer["added"]) == sorted([cleo.id, dan.id])
    assert ada.ok("GET", f"/conversations/{group}")["member_count"] == 4 == len(roles(ada, group))


def test_the_owner_removes_anybody_and_admins_remove_members(
    ada: Person, bob: Person, cleo: Person, dan: Person
) -> None:
    group = ada.group_with(bob, cleo, dan)
    give_role(ada, group, bob, "admin")
    give_role(ada, group, cleo, "admin")
    place = f"/conversations/{group}/members"
    problem(dan.delete(f"{place}/{bob.id}"), 403, "forbidden")
    problem(bob.delete(f"{place}/{cleo.id}"), 403, "forbidden")
    problem(bob.delete(f"{place}/{ada.id}"), 403, "forbidden")
    assert bob.delete(f"{place}/{dan.id}").status_code == 204
    assert ada.delete(f"{place}/{cleo.id}").status_code == 204
    assert roles(ada, group) == {ada.id: "owner", bob.id: "admin"}
    problem(ada.delete(f"{place}/{cleo.id}"), 404, "not_found")
    problem(cleo.get(f"/conversations/{group}"), 404, "not_found")


def test_who_has_left_is_gone_and_can_be_added_again(ada: Person, bob: Person) -> None:
    group = ada.group_with(bob)
    assert bob.delete(f"/conversations/{group}/members/{bob.id}").status_code == 204
    problem(bob.get(f"/conversations/{group}"), 404, "not_found")
    assert ada.ok("POST", f"/conversations/{group}/members", {"user_ids": [bob.id]})["added"] == [bob.id]
    assert bob.ok("GET", f"/conversations/{group}")["role"] == "member"


def test_a_last_owner_who_leaves_hands_over_to_the_oldest_admin(
    ada: Person, bob: Person, cleo: Person, dan: Person
) -> None:
    # given a group whose members joined one after the other, the last two of them admins
    group = ada.group_with(bob)
    for person in (cleo, dan):
        ada.ok("POST", f"/conversations/{group}/members", {"user_ids": [person.id]})
        give_role(ada, group, person, "admin")
    # when the owner leaves, the longest-serving admin takes over
    ada.ok("DELETE", f"/conversations/{group}/members/{ada.id}")
    assert roles(bob, group) == {bob.id: "member", cleo.id: "owner", dan.id: "admin"}
    # and without an admin the longest-serving member
    cleo.ok("DELETE", f"/conversations/{group}/members/{cleo.id}")
    assert roles(bob, group) == {bob.id: "member", dan.id: "owner"}
    dan.ok("DELETE", f"/conversations/{group}/members/{dan.id}")
    assert roles(bob, group) == {bob.id: "owner"}
    # and with the last one the group ends
    bob.ok("DELETE", f"/conversations/{group}/members/{bob.id}")
    problem(bob.get(f"/conversations/{group}"), 404, "not_found")


def test_when_both_owners_leave_at_once_somebody_is_owner(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.group_with(bob, cleo)
    give_role(ada, group, bob, "owner")
    answers = at_once([partial(one.delete, f"/conversations/{group}/members/{one.id}") for one in (ada, bob)])
    assert [answer.status_code for answer in answers] == [204, 204]
    assert roles(cleo, group) == {cleo.id: "owner"}


def test_roles_are_given_by_who_may(ada: Person, bob: Person, cleo: Person, dan: Person) -> None:
    group = ada.group_with(bob, cleo, dan)
    give_role(ada, group, bob, "admin")
    place = f"/conversations/{group}/members"
    give_role(bob, group, cleo, "admin")
    give_role(bob, group, cleo, "member")
    problem(bob.patch(f"{place}/{cleo.id}", {"role": "owner"}), 403, "forbidden")
    problem(bob.patch(f"{place}/{ada.id}", {"role": "member"}), 403, "forbidden")
    problem(cleo.patch(f"{place}/{cleo.id}", {"role": "admin"}), 403, "forbidden")
    problem(ada.patch(f"{place}/{cleo.id}", {"role": "king"}), 400, "validation_failed", field="role")
    problem(ada.patch(f"{place}/{NOBODY}", {"role": "admin"}), 404, "not_found")
    # a group always has an owner
    problem(ada.patch(f"{place}/{ada.id}", {"role": "member"}), 409, "last_owner")
    give_role(ada, group, bob, "owner")
    give_role(ada, group, ada, "member")
    assert roles(dan, group) == {ada.id: "member", bob.id: "owner", cleo.id: "member", dan.id: "member"}


def test_members_come_in_pages(ada: Person, bob: Person, cleo: Person, dan: Person) -> None:
    group = ada.group_with(bob, cleo, dan)
    got = pages(ada, f"/conversations/{group}/members", limit=3)
    assert [len(page) for page in got] == [3, 1]
    assert {each["user"]["id"] for page in got for each in page} == {ada.id, bob.id, cleo.id, dan.id}


def test_a_large_group_knows_all_its_members(crowd: list[Person]) -> None:
    owner, *rest = crowd
    group = owner.group_with(*rest)
    assert owner.ok("GET", f"/conversations/{group}")["member_count"] == len(crowd)
    assert roles(rest[-1], group).keys() == {person.id for person in crowd}
    call = owner.call_in(group)
    ring = owner.ok("POST", f"/calls/{call['id']}/join")
    rest[-1].ok("POST", f"/calls/{call['id']}/join")
    signal = {"to": ring["participant_id"], "kind": "offer", "payload": {"sdp": "v=0"}}
    assert rest[-1].ok("POST", f"/calls/{call['id']}/signals", signal) == {"n": 1}
    owner.ok("POST", f"/calls/{call['id']}/end")
    rest[0].ok("DELETE", f"/conversations/{group}/members/{rest[0].id}")
    assert owner.ok("GET", f"/conversations/{group}")["member_count"] == len(crowd) - 1


# --- preferences ----------------------------------------------------------------------------------------------


def test_preferences_are_ones_own(ada: Person, bob: Person) -> None:
    group = ada.group_with(bob)
    mine = {"muted_until": "2030-01-02T03:04:05.678+01:00", "pinned": True, "archived": True, "notifications": "none"}
    changed = bob.ok("PUT", f"/conversations/{group}/me", mine)
    assert (changed["muted_until"], changed["pinned"]) == ("2030-01-02T02:04:05.678Z", True)
    assert bob.ok("PUT", f"/conversations/{group}/me", {"muted_until": None})["pinned"] is True
    seen = ada.ok("GET", f"/conversations/{group}")
    assert (seen["muted_until"], seen["pinned"]) == (None, False)
    assert [event["type"] for event in log_of(ada, group)] == ["conversation.created"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("muted_until", "tomorrow"),
        ("muted_until", "2030-01-02T03:04:05"),
        ("muted_until", "9999-12-31T23:59:59.999-23:59"),
        ("muted_until", "0001-01-01T00:00:00+23:59"),
        ("pinned", None),
        ("pinned", "yes"),
        ("notifications", "some"),
        ("colour", "blue"),
    ],
)
def test_a_wrong_preference_is_named(ada: Person, field: str, value: Any) -> None:
    group = ada.group_with()
    problem(ada.put(f"/conversations/{group}/me", {field: value}), 400, "validation_failed", field=field)


# --- lists ----------------------------------------------------------------------------------------------------


def test_the_list_begins_with_the_latest_activity(town: Town, bob: Person) -> None:
    ada = town.person("ada")
    first, second, third = (ada.group_with(bob, name=name) for name in ("one", "two", "three"))
    bob.send(first, "newest")
    listed = everything(ada, "/conversations")
    assert [each["id"] for each in listed] == [first, third, second]
    assert (listed[0]["last_message"]["text"], listed[0]["unread_count"], listed[0]["last_seq"]) == ("newest", 1, 2)
    assert (listed[1]["last_message"], listed[1]["unread_count"]) == (None, 0)


def test_the_list_comes_in_pages_without_a_gap(town: Town) -> None:
    ada = town.person("ada")
    made = [ada.group_with() for _ in range(7)]
    got = pages(ada, "/conversations", limit=3)
    assert [len(page) for page in got] == [3, 3, 1]
    assert [each["id"] for page in got for each in page] == made[::-1]
