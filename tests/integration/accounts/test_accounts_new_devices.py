"""Sign-ins from new devices: who is told, and ending what somebody else has begun ("this was not me")."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from accounts import new_devices, passwords, signin
from accounts.app import TOKENS, app
from kernel import after_commit, clock, queues
from kernel.errors import DependencyUnavailable
from tests.conftest import Cloud
from tests.helpers import Reply, ask
from tests.tools import rows

PASSWORD = "four lilac otters"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 4)
    monkeypatch.setattr(passwords, "_NOBODY", passwords.hashed("nobody"))


@pytest.fixture
def ada(cloud: Cloud) -> str:
    """Ada's access token; her letter about the address has been read."""
    _, tokens = signin.register(
        email="ada@example.com", username="ada", password=PASSWORD, display_name="Ada", ip="192.0.2.1"
    )
    cloud.letters()
    return tokens.access_token


def login(device_name: str = "phone", address: str = "203.0.113.7") -> dict[str, Any]:
    body = {"identifier": "ada", "password": PASSWORD, "device_name": device_name}
    reply = ask(app, "POST", "/auth/login", body=body, address=address)
    assert reply.status == 200
    tokens: dict[str, Any] = reply.body["tokens"]
    return tokens


def disown(token: str) -> Reply:
    return ask(app, "POST", "/auth/sessions/disown", body={"token": token})


def stands(tokens: dict[str, Any]) -> bool:
    return ask(app, "GET", "/auth/sessions", token=tokens["access_token"]).status == 200


def token_of(letters: list[dict[str, Any]]) -> str:
    (letter,) = letters
    assert letter["kind"] == "new_device"
    return str(letter["token"])


def test_a_sign_in_from_a_new_device_is_told_by_a_letter(ada: str, cloud: Cloud) -> None:
    login("phone")

    (letter,) = cloud.letters()

    about = {name: letter[name] for name in ("kind", "to", "username", "device_name", "address")}
    assert about == {
        "kind": "new_device",
        "to": "ada@example.com",
        "username": "ada",
        "device_name": "phone",
        "address": "203.0.113.7",
    }


@pytest.mark.parametrize(
    ("device_name", "address", "letters"),
    [("phone", "203.0.113.7", 0), ("phone", "203.0.113.8", 1), ("tablet", "203.0.113.7", 1)],
)
def test_a_device_is_known_by_its_name_at_its_address(
    ada: str, cloud: Cloud, device_name: str, address: str, letters: int
) -> None:
    login("phone", "203.0.113.7")
    cloud.letters()

    login(device_name, address)

    assert len(cloud.letters()) == letters


def test_whoever_has_signed_out_is_new_again(ada: str, cloud: Cloud) -> None:
    tokens = login()
    ask(app, "POST", "/auth/logout", token=tokens["access_token"])
    cloud.letters()

    login()

    assert len(cloud.letters()) == 1


def test_the_letters_token_ends_that_session_and_no_older_one(ada: str, cloud: Cloud) -> None:
    stranger = login()
    token = token_of(cloud.letters())

    assert disown(token).status == 204

    assert ask(app, "GET", "/auth/sessions", token=stranger["access_token"]).code == "token_revoked"
    assert ask(app, "GET", "/auth/sessions", token=ada).status == 200
    refreshed = ask(app, "POST", "/auth/refresh", body={"refresh_token": stranger["refresh_token"]})
    assert refreshed.code == "token_revoked"


def test_sessions_begun_since_end_with_it_as_no_letter_told_of_them(ada: str, cloud: Cloud) -> None:
    login()
    token = token_of(cloud.letters())
    with clock.held(clock.now() + 10):
        second = login()
    assert cloud.letters() == []

    disown(token)

    assert not stands(second)


def test_it_ends_those_begun_since_also_if_the_session_has_signed_out(ada: str, cloud: Cloud) -> None:
    first = login()
    token = token_of(cloud.letters())
    with clock.held(clock.now() + 10):
        second = login()
    ask(app, "POST", "/auth/logout", token=first["access_token"])

    assert disown(token).status == 204
    assert not stands(second)


def test_the_act_is_in_the_audit_log(ada: str, cloud: Cloud) -> None:
    tokens = login()
    disown(token_of(cloud.letters()))

    (kept,) = [str(row) for row in rows("audit") if "session.disowned" in str(row)]

    assert tokens["session_id"] in kept


def test_a_token_is_good_once_even_for_many_at_once(ada: str, cloud: Cloud) -> None:
    login()
    token = token_of(cloud.letters())

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(reply.status for reply in pool.map(disown, [token] * 8))

    assert statuses == [204] + [400] * 7


def test_unknown_used_old_and_other_tokens_are_answered_alike(ada: str, cloud: Cloud) -> None:
    login()
    used = token_of(cloud.letters())
    disown(used)
    login()
    old = token_of(cloud.letters())
    ask(app, "POST", "/auth/password/forgot", body={"email": "ada@example.com"})
    other = cloud.letters()[0]["token"]

    with clock.held(clock.now()) as advance:
        replies = [disown(used), disown("x" * 43), disown(other)]
        advance(7 * clock.DAY)
        replies.append(disown(old))

    assert {(reply.status, reply.code) for reply in replies} == {(400, "invalid_token")}
    assert {reply.body["detail"] for reply in replies} == {replies[0].body["detail"]}


def test_a_process_that_dies_after_the_commit_leaves_the_end_to_the_sweep(
    ada: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = login()
    token = token_of(cloud.letters())
    with monkeypatch.context() as dying:
        dying.setattr(after_commit.FollowUp, "complete", lambda self: None)
        disown(token)
    assert stands(stranger)

    with clock.held(clock.now() + 2 * clock.MINUTE):
        after_commit.sweep(patience_s=5.0)

    assert not stands(stranger)


def test_an_address_may_guess_30_tokens_a_minute(ada: str) -> None:
    with clock.held(clock.now()):
        statuses = [disown("x" * 43).status for _ in range(TOKENS.requests + 1)]

    assert statuses[-2:] == [400, 429]


def test_whoever_signs_in_again_and_again_floods_no_mailbox(ada: str, cloud: Cloud) -> None:
    with clock.held(clock.now()):
        for number in range(new_devices.LETTERS_OF_ONE_ACCOUNT.requests + 2):
            login(f"phone {number}")

    assert len(cloud.letters()) == new_devices.LETTERS_OF_ONE_ACCOUNT.requests


def test_one_signs_in_also_while_no_letters_can_be_sent(
    ada: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise DependencyUnavailable

    monkeypatch.setattr(queues, "send", away)

    assert stands(login())
