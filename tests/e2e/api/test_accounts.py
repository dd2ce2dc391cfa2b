"""Accounts: registering, signing in, locking, passwords and e-mail addresses (contract §2)."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx
import jwt
import pytest

from tests.e2e.people import PASSWORD, Person, Town
from tests.e2e.tools import at_once, eventually, problem

LONG_PASSWORD = ("пароль-длинный·密码" * 8)[:128]  # in several scripts, 240 bytes
NEW_PASSWORD = "another horse, another battery"


def registration(**fields: Any) -> dict[str, Any]:
    return {
        "email": "nobody@example.com",
        "username": "nobody",
        "password": PASSWORD,
        "display_name": "Nobody",
        **fields,
    }


def login(town: Town, identifier: str, password: str, **fields: Any) -> httpx.Response:
    body = {"identifier": identifier, "password": password, **fields}
    return town.http.post("/auth/login", json=body)


# --- registering ----------------------------------------------------------------------------------------------


def test_registering_signs_in(town: Town) -> None:
    email = "Grace.Hopper+chat@example.com"
    made = town.person("grace", email=f"{id(town)}.{email}", display_name="Grace Brewster Hopper")
    me = made.ok("GET", "/users/me")
    assert (me["display_name"], me["email"], me["email_verified"]) == (
        "Grace Brewster Hopper",
        f"{id(town)}.{email}",
        False,
    )
    assert {name: made.tokens[name] for name in ("token_type", "expires_in")} == {
        "token_type": "Bearer",
        "expires_in": 900,
    }
    assert [session["current"] for session in made.ok("GET", "/auth/sessions")["items"]] == [True]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no-at.example.com"),
        ("email", "a@nodot"),
        ("email", "a" * 250 + "@example.com"),
        ("username", "ab"),
        ("username", "a" * 31),
        ("username", "Ada"),
        ("username", "ada lovelace"),
        ("username", "адa"),
        ("password", "nine char"),
        ("password", "x" * 129),
        ("password", "password1234"),
        ("password", "PassWord1234"),
        ("display_name", ""),
        ("display_name", "   "),
        ("display_name", "x" * 101),
        ("display_name", "a\0b"),
        ("display_name", 7),
    ],
)
def test_a_wrong_field_of_a_registration_is_named(town: Town, field: str, value: Any) -> None:
    answer = town.http.post("/auth/register", json=registration(**{field: value}))
    problem(answer, 400, "validation_failed", field=field)
    told = answer.text.replace(answer.json()["request_id"], "")  # the request id may contain "ab" by chance
    assert str(value) not in told or value in ("", "   ", 7)


def test_an_email_address_and_a_username_belong_to_one_account(town: Town, ada: Person) -> None:
    same_email = registration(email=ada.email.upper(), username="somebody_else.1")
    same_name = registration(email=f"other.{ada.email}", username=ada.username)
    problem(town.http.post("/auth/register", json=same_email), 409, "email_taken")
    problem(town.http.post("/auth/register", json=same_name), 409, "username_taken")


def test_of_registrations_at_once_with_one_name_one_succeeds(town: Town) -> None:
    name = f"race_{id(town) % 10**12}"
    bodies = [registration(username=name, email=f"{name}.{n}@example.com") for n in range(4)]
    answers = at_once([partial(town.http.post, "/auth/register", json=body) for body in bodies])
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "username_taken"}


# --- signing in -----------------------------------------------------------------------------------------------


def test_one_signs_in_by_email_address_or_username(town: Town, ada: Person) -> None:
    by_name = login(town, ada.username, PASSWORD, device_name="Ada’s phone")
    by_email = login(town, ada.email.upper(), PASSWORD)
    assert (by_name.status_code, by_email.status_code) == (200, 200)
    assert by_name.json()["user"]["id"] == by_email.json()["user"]["id"] == ada.id
    named = {each["session_id"]: each["device_name"] for each in ada.ok("GET", "/auth/sessions")["items"]}
    assert named[by_name.json()["tokens"]["session_id"]] == "Ada’s phone"
    assert named[by_email.json()["tokens"]["session_id"]] is None


def test_an_unknown_account_and_a_wrong_password_get_the_same_answer(town: Town, ada: Person) -> None:
    wrong = login(town, ada.username, "not the password at all")
    unknown = login(town, f"{ada.username}x"[-30:], "not the password at all")
    unknown_email = login(town, f"x{ada.email}", "not the password at all")
    bodies = [problem(answer, 401, "invalid_credentials") for answer in (wrong, unknown, unknown_email)]
    for body in bodies:
        del body["request_id"]
    assert bodies[0] == bodies[1] == bodies[2]


def test_a_long_password_of_any_script_counts_to_its_last_character(town: Town) -> None:
    eve = town.person("eve", password=LONG_PASSWORD)
    assert login(town, eve.username, LONG_PASSWORD).status_code == 200
    problem(login(town, eve.username, LONG_PASSWORD[:-1] + "x"), 401, "invalid_credentials")


def test_five_failures_lock_an_account_and_no_other(town: Town) -> None:
    # given two accounts behind one address
    target, neighbour = town.people("target", "neighbour")
    # when one of them fails five times
    failures = [login(town, target.username, f"wrong password {n}") for n in range(5)]
    assert {answer.status_code for answer in failures} == {401}
    # then it is locked under the name that was used, whatever the password
    locked = login(town, target.username, PASSWORD)
    problem(locked, 423, "account_locked")
    assert 0 < int(locked.headers["retry-after"]) <= 15 * 60
    # and its live sessions still work, and the neighbour signs in
    assert target.get("/users/me").status_code == 200
    refreshed = town.http.post("/auth/refresh", json={"refresh_token": target.tokens["refresh_token"]})
    assert refreshed.status_code == 200
    assert login(town, neighbour.username, PASSWORD).status_code == 200


def test_an_unknown_account_locks_like_a_known_one(town: Town) -> None:
    name = f"ghost_{id(town) % 10**12}"
    answers = at_once([lambda: login(town, name, "whatever it may be") for _ in range(5)])
    assert {answer.status_code for answer in answers} == {401}
    problem(login(town, name, "whatever it may be"), 423, "account_locked")


# --- passwords ------------------------------------------------------------------------------------------------


def test_changing_the_password_ends_the_other_sessions(town: Town) -> None:
    # given somebody on two devices
    here = town.person("carol")
    there = here.another_session()
    # when they change their password on one
    wrong = here.post("/auth/password/change", {"current_password": "wrong", "new_password": NEW_PASSWORD})
    problem(wrong, 401, "invalid_credentials")
    here.ok("POST", "/auth/password/change", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})
    # then the other is signed out, and only the new password signs in
    assert here.get("/users/me").status_code == 200
    problem(there.get("/users/me"), 401, "token_revoked")
    problem(login(town, here.username, PASSWORD), 401, "invalid_credentials")
    assert login(town, here.username, NEW_PASSWORD).status_code == 200


def test_a_new_password_must_be_long_and_uncommon(ada: Person) -> None:
    for new in ("short", "password1234", "x" * 129):
        answer = ada.post("/auth/password/change", {"current_password": PASSWORD, "new_password": new})
        problem(answer, 400, "validation_failed", field="new_password")


def test_a_forgotten_password_is_reset_by_a_letter(town: Town) -> None:
    # given somebody who is signed in and has forgotten the password
    dora = town.person("dora")
    assert town.http.post("/auth/password/forgot", json={"email": dora.email}).status_code == 202
    token = town.code_in_letter(dora.email, "Reset your password")
    # when they set a new one with the token of the e-mail
    body = {"token": token, "new_password": NEW_PASSWORD}
    problem(
        town.http.post("/auth/password/reset", json={**body, "new_password": "password1234"}),
        400,
        "validation_failed",
        field="new_password",
    )
    assert town.http.post("/auth/password/reset", json=body).status_code == 204
    # then it signs in, all sessions have ended, and the token cannot be used again
    problem(dora.get("/users/me"), 401, "token_revoked")
    assert login(town, dora.email, NEW_PASSWORD).status_code == 200
    problem(town.http.post("/auth/password/reset", json=body), 400, "invalid_token")


def test_a_reset_opens_a_locked_account(town: Town) -> None:
    fay = town.person("fay")
    at_once([lambda: login(town, fay.username, "a wrong password") for _ in range(5)])
    problem(login(town, fay.username, PASSWORD), 423, "account_locked")
    town.http.post("/auth/password/forgot", json={"email": fay.email})
    token = town.code_in_letter(fay.email, "Reset your password")
    assert town.http.post("/auth/password/reset", json={"token": token, "new_password": NEW_PASSWORD}).is_success
    assert login(town, fay.username, NEW_PASSWORD).status_code == 200


def test_forgetting_the_password_of_an_unknown_address_looks_the_same(town: Town, ada: Person) -> None:
    known = town.http.post("/auth/password/forgot", json={"email": ada.email})
    unknown = town.http.post("/auth/password/forgot", json={"email": f"nobody.{ada.email}"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (202, b"")
    assert town.mails_to(f"nobody.{ada.email}") == []


def test_a_made_up_token_resets_and_verifies_nothing(town: Town) -> None:
    reset = town.http.post("/auth/password/reset", json={"token": "x" * 43, "new_password": NEW_PASSWORD})
    problem(reset, 400, "invalid_token")
    problem(town.http.post("/auth/email/verify", json={"token": "x" * 43}), 400, "invalid_token")


# --- e-mail addresses -----------------------------------------------------------------------------------------


def test_an_address_is_verified_by_the_letter_that_registration_sends(town: Town) -> None:
    hal = town.person("hal")
    token = town.code_in_letter(hal.email, "Verify your e-mail address")
    # a token for another purpose is refused
    problem(
        town.http.post("/auth/password/reset", json={"token": token, "new_password": NEW_PASSWORD}),
        400,
        "invalid_token",
    )
    assert town.http.post("/auth/email/verify", json={"token": token}).status_code == 204
    assert hal.ok("GET", "/users/me")["email_verified"] is True
    problem(town.http.post("/auth/email/verify", json={"token": token}), 400, "invalid_token")


def test_another_letter_can_be_asked_for(town: Town) -> None:
    ivy = town.person("ivy")
    first = town.code_in_letter(ivy.email, "Verify your e-mail address")
    assert ivy.post("/auth/email/resend").status_code == 202
    eventually(lambda: len(town.mails_to(ivy.email)) == 2)
    second = town.code_in_letter(ivy.email, "Verify your e-mail address")
    assert second != first
    assert town.http.post("/auth/email/verify", json={"token": second}).status_code == 204


# --- keys -----------------------------------------------------------------------------------------------------


def test_the_published_keys_verify_an_access_token(town: Town, ada: Person) -> None:
    token = ada.tokens["access_token"]
    answer = town.http.get("/.well-known/jwks.json")
    keys = {key["kid"]: key for key in answer.json()["keys"]}
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, jwt.PyJWK(key).key, algorithms=["ES256"], options={"verify_aud": False})
    assert (claims["sub"], claims["sid"]) == (ada.id, ada.session_id)
    assert claims["exp"] - claims["iat"] == ada.tokens["expires_in"]
    assert {"iss", "aud", "jti"} <= claims.keys()
    assert all("d" not in key for key in keys.values()), "a private key is published"
    assert "max-age" in answer.headers["cache-control"]
