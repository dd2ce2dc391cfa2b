from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from accounts import passwords
from accounts.app import app
from kernel import aws
from tests.conftest import STACK, Cloud
from tests.helpers import Reply, ask, someone

ADA = {
    "email": "Ada@Example.com",
    "username": "ada",
    "password": "four lilac otters",
    "display_name": "Ada Lovelace",
}


def register(**changes: Any) -> Reply:
    return ask(app, "POST", "/auth/register", body={**ADA, **changes})


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of races: bcrypt at its lowest cost."""
    monkeypatch.setattr(passwords, "COST", 4)


def test_registering_answers_the_profile_and_tokens() -> None:
    reply = register()

    assert reply.status == 201
    user = reply.body["user"]
    assert user["username"] == "ada"
    assert user["email"] == "Ada@Example.com"
    assert (user["email_verified"], user["role"], user["locale"]) == (False, "user", "en")
    assert user["settings"] == {"read_receipts": True, "last_seen": "everyone", "ai_enabled": False}
    assert set(reply.body["tokens"]) == {"access_token", "refresh_token", "token_type", "expires_in", "session_id"}
    assert reply.body["tokens"]["token_type"] == "Bearer"
    assert reply.body["tokens"]["expires_in"] == 900


@pytest.mark.parametrize("names", [{"display_name": "Lilac Otters"}, {"username": "lilac.otters"}])
def test_a_password_of_ones_own_names_is_refused(names: dict[str, str]) -> None:
    reply = register(password="lilac-otters", **names)

    assert (reply.status, reply.code) == (400, "validation_failed")
    assert [error["field"] for error in reply.body["errors"]] == ["password"]
    assert register(password="seven green kettles", **names).status == 201


def test_the_new_tokens_work_at_once() -> None:
    tokens = register().body["tokens"]

    listed = ask(app, "GET", "/auth/sessions", token=tokens["access_token"])

    assert [each["session_id"] for each in listed.body["items"]] == [tokens["session_id"]]


def test_a_letter_to_verify_the_address_is_queued(cloud: Cloud) -> None:
    register()

    (message,) = cloud.letters()
    assert (message["kind"], message["to"]) == ("verify_email", "Ada@Example.com")


def test_the_store_has_neither_password_nor_token_in_plain(cloud: Cloud) -> None:
    tokens = register().body["tokens"]
    (message,) = cloud.letters()
    secrets = {ADA["password"], message["token"], tokens["refresh_token"], tokens["refresh_token"].split(".")[3]}

    for table in ("users", "credentials", "sessions", "one_time_tokens", "directory"):
        stored = str(aws.client("dynamodb").scan(TableName=f"{STACK}-{table}")["Items"])
        assert not [secret for secret in secrets if secret in stored], table


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@EXAMPLE.COM"])
def test_an_address_is_taken_in_any_case(email: str) -> None:
    register()

    reply = register(email=email, username="other")

    assert (reply.status, reply.code) == (409, "email_taken")


def test_a_username_is_taken_once() -> None:
    register()

    reply = register(email="other@example.com")

    assert (reply.status, reply.code) == (409, "username_taken")


def test_a_refused_registration_leaves_nothing_behind() -> None:
    register()
    register(email="other@example.com")

    assert register(email="other@example.com", username="other").status == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "ada"),
        ("email", "ada@localhost"),
        ("email", "ada@example.com\n"),
        ("email", "a" * 250 + "@b.co"),
        ("email", "ada@@example.com"),
        ("username", "ad"),
        ("username", "a" * 31),
        ("username", "Ada"),
        ("username", "ada lovelace"),
        ("username", "ada\n"),
        ("password", "x" * 9),
        ("password", "x" * 129),
        ("password", "Password123"),
        ("display_name", ""),
        ("display_name", "   "),
        ("display_name", "x" * 101),
        ("display_name", "a\0b"),
        ("username", None),
        ("email", 7),
        ("admin", True),
    ],
)
def test_what_breaks_a_rule_is_refused_naming_the_field(field: str, value: Any) -> None:
    reply = register(**{field: value})

    assert (reply.status, reply.code) == (400, "validation_failed")
    assert [error["field"] for error in reply.body["errors"]] == [field]


@pytest.mark.parametrize("password", ["ten chars!", "🔐" * 10, "ж" * 128])
def test_passwords_of_10_to_128_characters_sign_in(password: str) -> None:
    register(password=password)

    reply = ask(app, "POST", "/auth/login", body={"identifier": "ada", "password": password})

    assert reply.status == 200


def test_of_eight_who_want_one_username_one_gets_it(quick_hashes: None) -> None:
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda n: register(email=f"ada{n}@example.com"), range(8)))

    assert sorted(reply.status for reply in replies) == [201] + [409] * 7
    assert {reply.code for reply in replies if reply.status == 409} == {"username_taken"}


def test_a_repeated_request_with_its_key_registers_once() -> None:
    headers = {"Idempotency-Key": "one"}
    first = ask(app, "POST", "/auth/register", body=ADA, headers=headers)
    again = ask(app, "POST", "/auth/register", body=ADA, headers=headers)

    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"


def test_registrations_from_one_address_are_limited(quick_hashes: None) -> None:
    replies = [register(username=f"ada{n}", email="taken") for n in range(21)]

    assert {reply.status for reply in replies[:20]} == {400}
    assert replies[20].status == 429
    assert int(replies[20].headers["retry-after"]) >= 1


def test_people_made_by_tests_are_people() -> None:
    person = someone("bob")

    assert ask(app, "GET", "/auth/sessions", token=person.token).status == 200
