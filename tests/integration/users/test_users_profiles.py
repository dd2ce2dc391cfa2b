from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kernel.errors import NotFound
from kernel.transactions import Cancelled, Transaction
from tests.helpers import Person, Reply, ask, someone
from users import relations, service, store
from users.app import app


def patch(person: Person, **changes: Any) -> Reply:
    return ask(app, "PATCH", "/users/me", token=person.token, body=changes)


def search(person: Person, q: str, **query: str) -> Reply:
    return ask(app, "GET", "/users", token=person.token, query={"q": q, **query})


def found(person: Person, q: str) -> list[str]:
    return [each["username"] for each in search(person, q).body["items"]]


# --- profiles -------------------------------------------------------------------------------------------------


def test_one_sees_ones_full_profile() -> None:
    person = someone("ada", "Ada Lovelace")

    profile = ask(app, "GET", "/users/me", token=person.token).body

    assert set(profile) == {
        "id", "username", "display_name", "avatar_url", "bio", "email", "email_verified", "locale", "settings",
        "role", "created_at", "erased_at",
    }  # fmt: skip
    assert (profile["id"], profile["email"]) == (person.user_id, "ada@example.com")


def test_others_see_the_public_profile_alone() -> None:
    ada, bob = someone("ada", "Ada Lovelace"), someone("bob")

    profile = ask(app, "GET", "/users/{user_id}", {"user_id": ada.user_id}, token=bob.token).body

    expected = {"id": ada.user_id, "username": "ada", "display_name": "Ada Lovelace", "avatar_url": None, "bio": None}
    assert profile == expected


def test_who_asks_for_a_profile_gets_it_as_it_is_now() -> None:
    ada, bob = someone("ada", "Ada"), someone("bob")
    before = service.get(ada.user_id)
    assert service.require_user(ada.user_id).display_name == "Ada"

    store.replace(before, before.changed({"display_name": "Countess"}))  # in another process

    profile = ask(app, "GET", "/users/{user_id}", {"user_id": ada.user_id}, token=bob.token).body
    assert profile["display_name"] == "Countess"


@pytest.mark.parametrize("user_id", ["usr_00000000000000000000000000", "ses_1", "x", "é"])
def test_somebody_unknown_is_not_found(user_id: str) -> None:
    reply = ask(app, "GET", "/users/{user_id}", {"user_id": user_id}, token=someone().token)

    assert (reply.status, reply.code) == (404, "not_found")


def test_a_change_answers_the_profile_and_leaves_the_rest() -> None:
    person = someone("ada", "Ada")

    reply = patch(person, bio="mathematician", settings={"last_seen": "nobody"})

    assert reply.status == 200
    assert (reply.body["bio"], reply.body["display_name"]) == ("mathematician", "Ada")
    assert reply.body["settings"] == {"read_receipts": True, "last_seen": "nobody", "ai_enabled": False}
    assert ask(app, "GET", "/users/me", token=person.token).body == reply.body


def test_a_bio_can_be_taken_away() -> None:
    person = someone()
    patch(person, bio="x")

    assert patch(person, bio=None).body["bio"] is None


def test_nothing_to_change_changes_nothing() -> None:
    person = someone()

    assert patch(person).body == ask(app, "GET", "/users/me", token=person.token).body


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"display_name": ""}, "display_name"),
        ({"display_name": " "}, "display_name"),
        ({"display_name": None}, "display_name"),
        ({"display_name": "x" * 101}, "display_name"),
        ({"bio": "x" * 501}, "bio"),
        ({"bio": "a\0b"}, "bio"),
        ({"locale": "not a locale"}, "locale"),
        ({"locale": None}, "locale"),
        ({"settings": {"last_seen": "friends"}}, "settings.last_seen"),
        ({"settings": {"read_receipts": "yes"}}, "settings.read_receipts"),
        ({"settings": {"ai_enabled": None}}, "settings.ai_enabled"),
        ({"settings": {"theme": "dark"}}, "settings.theme"),
        ({"settings": None}, "settings"),
        ({"avatar_file_id": "fil_1"}, "avatar_file_id"),
        ({"role": "admin"}, "role"),
        ({"username": "root"}, "username"),
        ({"email": "a@b.co"}, "email"),
    ],
)
def test_what_may_not_be_changed_so_is_refused_naming_the_field(changes: dict[str, Any], field: str) -> None:
    reply = patch(someone(), **changes)

    assert (reply.status, reply.code) == (400, "validation_failed")
    assert [error["field"] for error in reply.body["errors"]] == [field]


def test_changes_at_once_all_take_effect() -> None:
    person = someone()
    changes = [{"settings": {"ai_enabled": True}}, {"settings": {"last_seen": "nobody"}}, {"bio": "x"}]

    with ThreadPoolExecutor(3) as threads:
        statuses = list(threads.map(lambda each: patch(person, **each).status, changes))

    profile = ask(app, "GET", "/users/me", token=person.token).body
    assert statuses == [200] * 3
    assert (profile["settings"]["ai_enabled"], profile["settings"]["last_seen"]) == (True, "nobody")
    assert profile["bio"] == "x"


# --- search ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", ["ada", "ADA.L", "Love", "Àda Lo", "l", "ada lovelace"])
def test_people_are_found_by_the_beginning_of_their_names(q: str) -> None:
    person = someone("ada.l", "Ada Lovelace")
    someone("bob", "Bob")

    assert found(person, q) == ["ada.l"]


@pytest.mark.parametrize("q", ["velace", "da", "ada x", "\u0301", "@"])
def test_other_parts_of_a_name_find_nobody(q: str) -> None:
    assert found(someone("ada.l", "Ada Lovelace"), q) == []


def test_a_changed_name_is_found_and_the_old_one_is_not() -> None:
    person = someone("ada", "Ada Lovelace")
    patch(person, display_name="Augusta King")

    assert found(person, "king") == ["ada"]
    assert found(person, "lovelace") == []
    assert found(person, "ada") == ["ada"]


def test_pages_have_everybody_once() -> None:
    person = someone("ann", "Ann Annson Anna")
    names = {"ann"}
    for number in range(7):
        names.add(someone(f"ann{number}", f"Ann Number {number}").username)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        reply = search(person, "ann", limit="3", **({"cursor": cursor} if cursor else {}))
        seen += [each["username"] for each in reply.body["items"]]
        cursor = reply.body["next_cursor"]
        if cursor is None:
            break

    assert sorted(seen) == sorted(names)


def test_who_blocks_the_caller_is_not_found_by_them() -> None:
    ada, bob = someone("ada"), someone("bob")
    ask(app, "PUT", "/users/me/blocks/{user_id}", {"user_id": ada.user_id}, token=bob.token)

    assert found(ada, "bob") == []
    assert found(bob, "ada") == ["ada"]


def test_a_cursor_is_good_for_its_own_search_and_caller_only() -> None:
    ada, bob = someone("ada"), someone("ada2")
    cursor = search(ada, "ad", limit="1").body["next_cursor"]

    assert search(bob, "ad", cursor=cursor).code == "invalid_cursor"
    assert search(ada, "bo", cursor=cursor).code == "invalid_cursor"
    assert search(ada, "AD", cursor=cursor).status == 200


@pytest.mark.parametrize(
    "query", [{}, {"q": ""}, {"q": "x" * 51}, {"q": "a", "limit": "0"}, {"q": "a", "limit": "101"}]
)
def test_a_query_that_breaks_a_rule_is_refused(query: dict[str, str]) -> None:
    assert ask(app, "GET", "/users", token=someone().token, query=query).code == "validation_failed"


@pytest.mark.parametrize(("method", "path"), [(route.method, route.path) for route in app.routes])
def test_every_route_wants_a_token(method: str, path: str) -> None:
    parameters = {"user_id": "usr_00000000000000000000000000"}
    reply = ask(app, method, path, parameters, body={} if method in ("POST", "PATCH") else None)

    assert (reply.status, reply.code) == (401, "unauthenticated")


# --- for other domains ----------------------------------------------------------------------------------------


def test_the_directory_knows_those_who_exist() -> None:
    ada, bob = someone("ada"), someone("bob")

    people = service.public_profiles([ada.user_id, bob.user_id, ada.user_id, "usr_nobody", "nonsense"])

    assert {each.username for each in people.values()} == {"ada", "bob"}
    assert set(people) == {ada.user_id, bob.user_id}


def test_somebody_who_does_not_exist_is_required_in_vain() -> None:
    with pytest.raises(NotFound):
        service.require_user("usr_nobody")


def test_blocks_are_known_in_both_directions() -> None:
    ada, bob, eve = (someone(name).user_id for name in ("ada", "bob", "eve"))
    relations.block(user_id=ada, other_id=bob)
    relations.block(user_id=eve, other_id=ada)

    assert service.blocks_between(ada, bob) == (True, False)
    assert service.blocks_between(bob, ada) == (False, True)
    assert service.receivers("push", ada, [ada, bob, eve, "usr_x"]) == {ada, "usr_x"}
    assert service.receivers("message", ada, [bob, eve]) == {bob, eve}
    assert service.receivers("push", bob, [eve]) == {eve}
    assert service.receivers("push", bob, []) == set()
    assert service.receiving_pairs("presence", [(ada, bob), (bob, ada), (bob, eve)]) == {(bob, eve)}


def test_an_address_is_verified_only_while_it_is_theirs() -> None:
    person = someone("ada")
    transaction = Transaction()
    store.stage_verified(transaction, user_id=person.user_id, email="other@example.com")

    with pytest.raises(Cancelled):
        transaction.commit()
    assert not service.get(person.user_id).email_verified
