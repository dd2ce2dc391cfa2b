from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts import passwords, signin
from accounts.app import app
from kernel import aws, clock
from tests.conftest import STACK, Cloud
from tests.helpers import Reply, ask
from tests.tools import rows

PASSWORD = "four lilac otters"
NEW = "five velvet herons"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """bcrypt at its lowest cost: how it hashes is tested elsewhere."""
    monkeypatch.setattr(passwords, "COST", 4)
    monkeypatch.setattr(passwords, "_NOBODY", passwords.hash_password("nobody"))


@pytest.fixture
def token(cloud: Cloud) -> str:
    """Ada's access token; the e-mail that verifies her address has been received."""
    _, tokens = signin.register(
        email="ada@example.com", username="ada", password=PASSWORD, display_name="Ada", ip="192.0.2.1"
    )
    return tokens.access_token


def login(password: str) -> int:
    return ask(app, "POST", "/auth/login", body={"identifier": "ada", "password": password}).status


def forgot(email: str = "ada@example.com") -> Reply:
    return ask(app, "POST", "/auth/password/forgot", body={"email": email})


def reset(token: str, new_password: str = NEW) -> Reply:
    return ask(app, "POST", "/auth/password/reset", body={"token": token, "new_password": new_password})


def asked_for(cloud: Cloud, kind: str) -> str:
    return str(next(each["token"] for each in reversed(cloud.letters()) if each["kind"] == kind))


# --- verifying ------------------------------------------------------------------------------------------------


def verify(secret: str) -> Reply:
    return ask(app, "POST", "/auth/email/verify", body={"token": secret})


def verified() -> bool:
    user = ask(app, "POST", "/auth/login", body={"identifier": "ada", "password": PASSWORD}).body["user"]
    return bool(user["email_verified"])


def test_the_token_from_the_letter_verifies_the_address_once(token: str, cloud: Cloud) -> None:
    secret = asked_for(cloud, "verify_email")

    assert verify(secret).status == 204
    assert verified()
    assert (verify(secret).status, verify(secret).code) == (400, "invalid_token")


def test_a_verification_token_is_over_after_a_day_even_if_it_is_still_stored(token: str, cloud: Cloud) -> None:
    secret = asked_for(cloud, "verify_email")
    with clock.held(clock.now()) as advance:
        advance(24 * clock.HOUR)

        assert verify(secret).code == "invalid_token"
    assert aws.client("dynamodb").scan(TableName=f"{STACK}-one_time_tokens")["Count"] == 1


def test_another_letter_can_be_asked_for_until_the_address_is_verified(token: str, cloud: Cloud) -> None:
    cloud.letters()

    assert ask(app, "POST", "/auth/email/resend", token=token).status == 202
    assert verify(asked_for(cloud, "verify_email")).status == 204
    assert ask(app, "POST", "/auth/email/resend", token=token).status == 202
    assert cloud.letters() == []


def test_a_reset_token_verifies_nothing_and_the_other_way_round(token: str, cloud: Cloud) -> None:
    verification = asked_for(cloud, "verify_email")
    forgot()

    assert verify(asked_for(cloud, "reset_password")).code == "invalid_token"
    assert reset(verification).code == "invalid_token"


# --- resetting ------------------------------------------------------------------------------------------------


def test_a_reset_sets_the_password_and_ends_every_session(token: str, cloud: Cloud) -> None:
    forgot()

    assert reset(asked_for(cloud, "reset_password")).status == 204

    assert ask(app, "GET", "/auth/sessions", token=token).code == "token_revoked"
    assert (login(PASSWORD), login(NEW)) == (401, 200)


def test_a_forgotten_password_is_answered_alike_for_unknown_addresses(token: str, cloud: Cloud) -> None:
    cloud.letters()

    known, unknown = forgot(), forgot("nobody@example.com")

    assert (known.status, known.body) == (unknown.status, unknown.body) == (202, None)
    assert [each["kind"] for each in cloud.letters()] == ["reset_password", "nothing"]


def test_a_reset_token_works_once_even_for_many_at_once(token: str, cloud: Cloud) -> None:
    forgot()
    secret = asked_for(cloud, "reset_password")

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda n: reset(secret, f"{NEW} {n}").status, range(8)))

    assert sorted(statuses) == [204] + [400] * 7


def test_a_reset_token_is_over_after_an_hour(token: str, cloud: Cloud) -> None:
    forgot()
    secret = asked_for(cloud, "reset_password")
    with clock.held(clock.now()) as advance:
        advance(clock.HOUR)

        assert reset(secret).code == "invalid_token"


def test_a_changed_password_makes_older_reset_tokens_useless(token: str, cloud: Cloud) -> None:
    forgot()
    first = asked_for(cloud, "reset_password")
    forgot()
    second = asked_for(cloud, "reset_password")

    assert reset(second).status == 204
    assert reset(first, "six copper magpies").code == "invalid_token"
    assert login(NEW) == 200


def test_a_common_password_does_not_use_the_token_up(token: str, cloud: Cloud) -> None:
    forgot()
    secret = asked_for(cloud, "reset_password")

    assert reset(secret, "password123").code == "validation_failed"
    assert reset(secret).status == 204


def test_a_reset_opens_a_locked_account(token: str, cloud: Cloud) -> None:
    for _ in range(5):
        login("wrong password")
    assert login(PASSWORD) == 423
    forgot()

    assert reset(asked_for(cloud, "reset_password")).status == 204
    assert login(NEW) == 200


@pytest.mark.parametrize("secret", ["x", "é" * 40, "x" * 128])
def test_a_guessed_token_is_refused(secret: str) -> None:
    assert reset(secret).code == "invalid_token"


def test_one_address_gets_ten_letters_an_hour_at_most(token: str, cloud: Cloud) -> None:
    with clock.held(clock.now() // clock.HOUR * clock.HOUR) as advance:
        cloud.letters()
        statuses = set()
        for _ in range(12):
            statuses.add(forgot().status)
            advance(10 * clock.SECOND)

    assert statuses == {202}
    assert len(cloud.letters()) == 10


# --- changing -------------------------------------------------------------------------------------------------


def change(token: str, current: str = PASSWORD, new: str = NEW) -> Reply:
    body = {"current_password": current, "new_password": new}
    return ask(app, "POST", "/auth/password/change", body=body, token=token)


def test_a_change_ends_the_other_sessions_and_keeps_this_one(token: str) -> None:
    other = ask(app, "POST", "/auth/login", body={"identifier": "ada", "password": PASSWORD}).body["tokens"]

    assert change(token).status == 204

    assert ask(app, "GET", "/auth/sessions", token=token).status == 200
    assert ask(app, "GET", "/auth/sessions", token=other["access_token"]).code == "token_revoked"
    assert (login(PASSWORD), login(NEW)) == (401, 200)


def test_changes_and_resets_stand_in_the_audit_log_without_the_password(token: str, cloud: Cloud) -> None:
    assert change(token, current="wrong password").status == 401
    assert change(token).status == 204
    forgot()
    assert reset(asked_for(cloud, "reset_password"), "six copper lanterns").status == 204
    kept = str(rows("audit"))
    assert (kept.count("password.changed"), kept.count("password.reset")) == (1, 1)
    assert not any(word in kept for word in ("lilac", "velvet", "copper"))


def test_a_change_needs_the_current_password(token: str) -> None:
    reply = change(token, current="wrong password")

    assert (reply.status, reply.code) == (401, "invalid_credentials")
    assert login(PASSWORD) == 200


def test_a_name_of_ones_own_is_no_new_password_by_a_change_or_a_letter(token: str, cloud: Cloud) -> None:
    forgot()
    secret = asked_for(cloud, "reset_password")
    replies = [change(token, new="ada@example.com 1"), reset(secret, "ada@example.com 1")]

    assert {(reply.status, reply.code) for reply in replies} == {(400, "validation_failed")}
    assert [error["field"] for reply in replies for error in reply.body["errors"]] == ["new_password"] * 2
    assert reset(secret).status == 204  # it is not used up


def test_guesses_at_the_current_password_are_limited(token: str) -> None:
    statuses = [change(token, current=f"wrong password {n}").status for n in range(11)]

    assert statuses == [401] * 10 + [429]
