from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from accounts import passwords, signin, store
from accounts.app import SIGN_INS, app
from accounts.commits import commit
from accounts.model import InvalidCredentials
from kernel import clock, limiter
from kernel.errors import Locked
from kernel.limiter import Charge
from kernel.transactions import Transaction
from tests.helpers import ADDRESS, Reply, ask
from tests.tools import store_calls

PASSWORD = "four lilac otters"
WRONG = "five lilac otters"


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """bcrypt at its lowest cost, for tests of anything but time."""
    monkeypatch.setattr(passwords, "COST", 4)
    monkeypatch.setattr(passwords, "_NOBODY", passwords.hash_password("nobody"))


def ada(username: str = "ada") -> None:
    signin.register(
        email=f"{username}@example.com", username=username, password=PASSWORD, display_name="Ada", ip="192.0.2.1"
    )


def login(identifier: str = "ada", password: str = PASSWORD, **fields: Any) -> Reply:
    body = {"identifier": identifier, "password": password, **fields}
    return ask(app, "POST", "/auth/login", body=body)


@pytest.mark.parametrize("identifier", ["ada", "ADA", "ada@example.com", "Ada@Example.COM"])
def test_one_signs_in_by_username_or_address(quick_hashes: None, identifier: str) -> None:
    ada()

    reply = login(identifier, device_name="phone")

    assert reply.status == 200
    assert reply.body["user"]["username"] == "ada"
    listed = ask(app, "GET", "/auth/sessions", token=reply.body["tokens"]["access_token"]).body["items"]
    assert listed[0]["device_name"] == "phone"
    assert listed[0]["current"] is True


@pytest.mark.parametrize("totp", [None, "123456"])
def test_an_account_without_a_second_factor_asks_for_none(quick_hashes: None, totp: str | None) -> None:
    ada()
    assert login(totp=totp).status == 200


def test_a_wrong_password_and_an_unknown_account_are_answered_alike(quick_hashes: None) -> None:
    ada()

    with clock.held(clock.now()):
        wrong, unknown = login(password=WRONG), login("nobody", WRONG)

    assert (wrong.status, wrong.code) == (401, "invalid_credentials")
    assert unknown.body == wrong.body
    assert {**unknown.headers, "ratelimit-remaining": ""} == {**wrong.headers, "ratelimit-remaining": ""}


def test_an_unknown_account_costs_the_same_calls_to_the_store(quick_hashes: None) -> None:
    ada()

    with store_calls() as wrong:
        login(password=WRONG)
    with store_calls() as unknown:
        login("nobody", WRONG)

    assert unknown == wrong
    assert "UpdateItem" in wrong


def test_an_unknown_account_costs_the_same_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest part of a sign-in's time; `make perf` measures all of it against the 5 % of R35."""
    ada()
    hashed: list[tuple[str, bytes]] = []
    hash_with = passwords._hash

    def note(password: str, setting: bytes) -> bytes:
        hashed.append((password, setting[:7]))
        return hash_with(password, setting)

    monkeypatch.setattr(passwords, "_hash", note)
    assert [login(name, WRONG).status for name in ("ada", "nobody")] == [401, 401]
    assert hashed == [(WRONG, b"$2b$12$")] * 2


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_five_failures_lock_for_fifteen_minutes_known_or_not(quick_hashes: None, name: str) -> None:
    ada()
    with clock.held(clock.now()) as advance:
        failures = [login(name, WRONG).status for _ in range(5)]
        locked = login(name, PASSWORD)
        advance(15 * clock.MINUTE)
        later = login(name, PASSWORD)

    assert failures == [401] * 5
    assert (locked.status, locked.code) == (423, "account_locked")
    assert locked.headers["retry-after"] == "900"
    assert later.status == (200 if name == "ada" else 401)


@pytest.mark.parametrize("names", [["ada"], ["ada@example.com"], ["ada", "Ada@Example.com "]])
def test_failures_count_by_account_whatever_name_it_was_tried_under(quick_hashes: None, names: list[str]) -> None:
    ada()
    failures = [login(names[n % len(names)], WRONG).status for n in range(5)]

    assert failures == [401] * 5
    assert [login(name).status for name in ("ada", "ADA", "ada@example.com")] == [423] * 3


def test_a_locked_account_locks_no_other_at_the_same_address(quick_hashes: None) -> None:
    ada()
    ada("bob")
    for _ in range(7):
        login("ada", WRONG)

    assert login("ada").status == 423
    assert login("bob").status == 200


@pytest.mark.parametrize("names", [1, 20], ids=["all at one account", "at twenty accounts and names"])
def test_a_hundred_failures_from_one_address_keep_nobody_else_there_out(quick_hashes: None, names: int) -> None:
    """R35, with the limits of production (a factor of 1)."""
    ada()
    ada("bob")
    attacked = ["ada", *(f"nobody{n}" for n in range(1, names))]
    with clock.held(clock.now() // 60_000 * 60_000):  # all in one window of the address's limit
        failures = [login(attacked[n % names], WRONG).status for n in range(100)]
        signed_in = login("bob")

    assert failures == [401] * 5 * names + [423] * (100 - 5 * names)
    assert signed_in.status == 200
    assert ask(app, "GET", "/auth/sessions", token=signed_in.body["tokens"]["access_token"]).status == 200


def test_a_locked_account_is_still_used_from_its_sessions(quick_hashes: None) -> None:
    ada()
    tokens = login().body["tokens"]
    for _ in range(5):
        login(password=WRONG)

    assert ask(app, "GET", "/auth/sessions", token=tokens["access_token"]).status == 200
    assert ask(app, "POST", "/auth/refresh", body={"refresh_token": tokens["refresh_token"]}).status == 200


def test_a_sign_in_is_answered_again_for_its_key_until_it_is_used_or_over(quick_hashes: None) -> None:
    ada()
    body = {"identifier": "ada", "password": PASSWORD}

    def ask_with(key: str) -> Reply:
        return ask(app, "POST", "/auth/login", body=body, headers={"Idempotency-Key": key})

    first, again = ask_with("lost"), ask_with("lost")
    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")
    # used: another session
    ask(app, "POST", "/auth/refresh", body={"refresh_token": first.body["tokens"]["refresh_token"]})
    assert ask_with("lost").body["tokens"]["session_id"] != first.body["tokens"]["session_id"]
    # over: judged anew
    kept = ask_with("kept").body["tokens"]
    ask(app, "POST", "/auth/logout", token=kept["access_token"])
    assert ask_with("kept").body["tokens"]["session_id"] != kept["session_id"]
    # with a password that was changed since, by that very session
    changing = ask_with("changing").body["tokens"]
    new = {"current_password": PASSWORD, "new_password": "six lilac otters"}
    assert ask(app, "POST", "/auth/password/change", body=new, token=changing["access_token"]).status == 204
    assert [ask_with(key).status for key in ("lost", "kept", "changing")] == [401, 401, 401]


def test_a_success_clears_the_failures(quick_hashes: None) -> None:
    ada()
    for _ in range(3):
        assert [login(password=WRONG).status for _ in range(4)] == [401] * 4
        assert login().status == 200


def test_of_many_wrong_tries_at_once_five_are_looked_at(quick_hashes: None) -> None:
    ada()

    with ThreadPoolExecutor(16) as threads:
        replies = list(threads.map(lambda _: login(password=WRONG).status, range(16)))

    assert sorted(replies) == [401] * 5 + [423] * 11


def test_many_right_sign_ins_at_once_all_succeed(quick_hashes: None) -> None:
    ada()

    with ThreadPoolExecutor(12) as threads:
        replies = list(threads.map(lambda _: login().status, range(12)))

    assert replies == [200] * 12


def test_sign_ins_under_way_are_waited_for_before_another_is_turned_away(quick_hashes: None) -> None:
    ada()
    subject = store.user_id_of("ada")
    assert subject is not None
    seen = store.attempts(subject)
    for number in range(5):
        now = seen.with_attempt(f"under way {number}")
        store.count_attempt(subject, seen, now)
        seen = now
    waited: list[float] = []

    def one_fails(seconds: float) -> None:
        waited.append(seconds)
        for number in range(5):
            store.mark_failed(subject, f"under way {number}")

    with pytest.raises(Locked):
        signin.login(identifier="ada", password=PASSWORD, device_name=None, ip="192.0.2.1", pause=one_fails)
    assert len(waited) == 1


def test_a_sign_in_with_a_password_changed_meanwhile_is_refused(
    quick_hashes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada()
    user_id = store.user_id_of("ada")
    assert user_id is not None
    right = passwords.matches

    def slowly(password: str, kept: str | None) -> bool:
        credentials = store.credentials(user_id)
        assert credentials is not None
        transaction = Transaction()
        store.stage_password(transaction, user_id, "new", instead_of=credentials.password_set_at)
        assert not commit(transaction)
        return right(password, kept)

    monkeypatch.setattr(passwords, "matches", slowly)
    with pytest.raises(InvalidCredentials):
        signin.login(identifier="ada", password=PASSWORD, device_name=None, ip="192.0.2.1")


@pytest.mark.parametrize("body", [{"identifier": "ada"}, {"identifier": "ada", "password": PASSWORD, "x": 1}])
def test_a_body_that_breaks_the_schema_is_refused(body: dict[str, Any]) -> None:
    assert ask(app, "POST", "/auth/login", body=body).code == "validation_failed"


def test_a_flood_of_sign_ins_from_one_address_is_stopped_before_a_password_is_looked_at(
    quick_hashes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada()
    body = {"identifier": "ada", "password": PASSWORD}
    with clock.held(clock.now() // 60_000 * 60_000) as advance:
        limiter.measure([Charge(SIGN_INS, ADDRESS, cost=SIGN_INS.requests - 1)])  # without Redis, as this test is
        last = login("nobody", WRONG)
        with monkeypatch.context() as watched:
            watched.setattr(passwords, "matches", lambda *_: pytest.fail("a password was looked at"))
            refused = login()
        elsewhere = ask(app, "POST", "/auth/login", body=body, address="203.0.113.8")
        advance(clock.MINUTE)
        later = login()

    assert (last.status, last.headers["ratelimit-remaining"]) == (401, "0")
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (429, "rate_limited", "60")
    assert (elsewhere.status, later.status) == (200, 200)
