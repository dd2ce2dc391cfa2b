"""Sign-ins from new devices: alerts, and ending sessions of somebody else ("this was not me")."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from moto.backends import get_backend

from accounts import passwords, signin, store
from accounts.app import TOKENS, app
from accounts.sessions import new_devices, session_store
from kernel import after_commit, auth, clock, queues
from kernel.config import config
from kernel.errors import DependencyUnavailable
from tests.conftest import REGION, STACK, Cloud
from tests.helpers import Reply, ask
from tests.support.killing import Killed, killed_before_write
from tests.tools import ACCOUNT, rows

PASSWORD = "four lilac otters"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 4)
    monkeypatch.setattr(passwords, "_NOBODY", passwords.hash_password("nobody"))


@pytest.fixture
def ada(cloud: Cloud) -> str:
    """Ada's access token; the e-mail that verifies her address has been received."""
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


def user_of(access_token: str) -> str:
    return auth.verify(access_token).user_id


def notices() -> list[dict[str, Any]]:
    """The notifications since the last call."""
    found = get_backend("sqs")[ACCOUNT][REGION].get_queue(f"{STACK}-notifications")
    bodies = [json.loads(message.body) for message in found._messages]
    found._messages.clear()
    return bodies


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


@pytest.mark.parametrize(("address", "letters"), [("2001:db8:1:2:99::1", 0), ("2001:db8:1:3::7", 1)])
def test_a_device_that_has_changed_its_address_within_its_network_is_known(
    ada: str, cloud: Cloud, address: str, letters: int
) -> None:
    """As devices do every day (RFC 8981, temporary addresses)."""
    login("phone", "2001:db8:1:2::7")
    cloud.letters()

    login("phone", address)

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


def test_a_process_that_dies_between_sign_in_and_letter_leaves_both_tellings_to_the_sweep(
    ada: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(after_commit.FollowUp, "complete", lambda self: None)
        stranger = login()
    assert cloud.letters() == []

    with clock.held(clock.now() + 2 * clock.MINUTE):
        after_commit.sweep(patience_s=5.0)

    disown(token_of(cloud.letters()))
    assert not stands(stranger)


def test_a_process_that_dies_before_any_write_of_a_sign_in_loses_no_letter(ada: str, cloud: Cloud) -> None:
    number = 0
    while True:
        number += 1
        with killed_before_write(number) as written, suppress(Killed):
            login(f"phone {number}")
        with clock.held(clock.now() + 2 * clock.MINUTE):
            after_commit.sweep(patience_s=5.0)
        begun = any(each.device_name == f"phone {number}" for each in session_store.live_sessions(user_of(ada)))
        told = {letter["device_name"] for letter in cloud.letters()}
        assert told == ({f"phone {number}"} if begun else set()), f"killed before write {number}"
        if written() < number:
            break
    assert number > 3


def test_a_letter_that_comes_late_tells_when_the_sign_in_was(
    ada: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clock.held(clock.now()) as advance:
        begun = clock.now()
        with monkeypatch.context() as dying:
            dying.setattr(after_commit.FollowUp, "complete", lambda self: None)
            login()
        advance(2 * clock.MINUTE)
        after_commit.sweep(patience_s=5.0)

    (letter,) = cloud.letters()
    assert letter["at"] == clock.rfc3339(begun)


def test_of_somebody_erased_before_the_sweep_nothing_is_told(
    ada: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(after_commit.FollowUp, "complete", lambda self: None)
        login()
    notices()
    store.CredentialRecord(user_of(ada)).delete()

    with clock.held(clock.now() + 2 * clock.MINUTE):
        after_commit.sweep(patience_s=5.0)

    assert (notices(), cloud.letters()) == ([], [])


def test_of_two_sign_ins_at_once_neither_takes_the_other_for_the_known_device(
    ada: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as held_up:  # both have committed before either looks
        held_up.setattr(after_commit.FollowUp, "complete", lambda self: None)
        sessions_of_stranger = [login(), login()]
    with clock.held(clock.now() + 2 * clock.MINUTE):
        after_commit.sweep(patience_s=5.0)

    disown(token_of(cloud.letters()))

    assert not any(stands(each) for each in sessions_of_stranger)


def test_an_address_may_guess_30_tokens_a_minute(ada: str) -> None:
    with clock.held(clock.now()):
        statuses = [disown("x" * 43).status for _ in range(TOKENS.requests + 1)]

    assert statuses[-2:] == [400, 429]


def test_all_addresses_of_a_network_have_one_limit(ada: str) -> None:
    """Whoever has one IPv6 address has 2^64 of them."""
    with clock.held(clock.now()):
        for number in range(TOKENS.requests):
            body = {"token": "x" * 43}
            ask(app, "POST", "/auth/sessions/disown", body=body, address=f"2001:db8:1:2:{number:x}::7")
        own = ask(app, "POST", "/auth/sessions/disown", body=body, address="2001:db8:1:2:abcd::1")
        other = ask(app, "POST", "/auth/sessions/disown", body=body, address="2001:db8:1:3::1")

    assert (own.status, other.status) == (429, 400)


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


def test_the_letter_goes_out_once_letters_can_be_sent_again(
    ada: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise DependencyUnavailable

    with monkeypatch.context() as outage:
        outage.setattr(queues, "send", away)
        login()

    with clock.held(clock.now() + 2 * clock.MINUTE):
        after_commit.sweep(patience_s=5.0)

    assert [letter["kind"] for letter in cloud.letters()] == ["new_device"]


# --- the greatest number of sessions ----------------------------------------------------------------------------


def test_a_sign_in_beyond_the_greatest_number_ends_the_session_unused_for_the_longest_time(
    ada: str, settings: pytest.MonkeyPatch
) -> None:
    settings.setenv("SESSIONS_MAX", "3")
    config.cache_clear()
    with clock.held(clock.now()) as advance:
        begun = []
        for name in ("phone", "tablet"):
            advance(clock.SECOND)
            begun.append(login(name))
        advance(clock.SECOND)
        renewed = ask(app, "POST", "/auth/refresh", body={"refresh_token": begun[0]["refresh_token"]})
        advance(clock.SECOND)
        notices()
        last = login("laptop")

    assert not stands({"access_token": ada})  # the oldest, of the registration
    assert all(map(stands, (renewed.body["tokens"], begun[1], last)))
    assert [each["reference"]["reason"] for each in notices()] == ["too_many_sessions", "new_sign_in"]


def test_of_many_sign_ins_at_once_no_more_than_the_greatest_number_stand(
    ada: str, settings: pytest.MonkeyPatch
) -> None:
    settings.setenv("SESSIONS_MAX", "3")
    config.cache_clear()

    with ThreadPoolExecutor(4) as pool:
        begun = list(pool.map(login, [f"phone {number}" for number in range(8)]))

    assert len(session_store.live_sessions(user_of(ada))) == 3
    assert sum(map(stands, begun)) == 3
