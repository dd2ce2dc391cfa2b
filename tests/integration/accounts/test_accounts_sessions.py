from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from accounts.app import app
from accounts.sessions import service as sessions
from accounts.sessions import session_store
from kernel import after_commit, clock
from kernel.config import config
from kernel.errors import DependencyUnavailable
from kernel.transactions import Transaction
from operations.consumers import follow_ups
from realtime import api as realtime
from realtime import store as connections
from tests.conftest import Cloud
from tests.helpers import ADDRESS, CONTEXT, Person, Reply, ask, someone
from users.app import app as users_app


def refresh(token: str) -> Reply:
    return ask(app, "POST", "/auth/refresh", body={"refresh_token": token})


def another_session(person: Person, device_name: str = "other") -> Any:
    transaction = Transaction()
    tokens = sessions.stage_new(transaction, user_id=person.user_id, device_name=device_name, ip=ADDRESS)
    transaction.commit()
    return tokens


def works(token: str) -> bool:
    """Whether a read-only call is accepted, which the cached state of the session decides."""
    return ask(users_app, "GET", "/users/me", token=token).status == 200


# --- refreshing -----------------------------------------------------------------------------------------------


def test_a_refresh_gives_new_tokens_of_the_same_session() -> None:
    person = someone()

    tokens = refresh(person.refresh_token).body["tokens"]

    assert tokens["session_id"] == person.session_id
    assert tokens["refresh_token"] != person.refresh_token
    assert works(tokens["access_token"])
    assert refresh(tokens["refresh_token"]).status == 200


def test_fifty_refreshes_at_once_give_one_successor() -> None:
    person = someone()

    with ThreadPoolExecutor(50) as threads:
        replies = list(threads.map(lambda _: refresh(person.refresh_token), range(50)))

    assert {reply.status for reply in replies} == {200}
    assert len({reply.body["tokens"]["refresh_token"] for reply in replies}) == 1


def test_the_same_token_within_thirty_seconds_gives_the_same_successor() -> None:
    person = someone()
    with clock.held(clock.now()) as advance:
        first = refresh(person.refresh_token)
        advance(30 * clock.SECOND)
        second = refresh(person.refresh_token)

    assert second.body["tokens"]["refresh_token"] == first.body["tokens"]["refresh_token"]


AGAIN = {"Idempotency-Key": "again"}


def test_a_refresh_whose_answer_was_lost_is_answered_again_for_its_key_until_that_is_used() -> None:
    person = someone()
    body = {"refresh_token": person.refresh_token}
    with clock.held(clock.now()) as advance:
        first = ask(app, "POST", "/auth/refresh", body=body, headers=AGAIN)
        advance(clock.HOUR)
        again = ask(app, "POST", "/auth/refresh", body=body, headers=AGAIN)
        assert refresh(again.body["tokens"]["refresh_token"]).status == 200
        advance(clock.MINUTE)
        copied = ask(app, "POST", "/auth/refresh", body=body, headers=AGAIN)

    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")
    assert (copied.status, copied.code) == (401, "refresh_reused")


def test_a_reuse_after_thirty_seconds_ends_the_session_and_tells_its_owner(cloud: Cloud) -> None:
    person = someone()
    with clock.held(clock.now()) as advance:
        successor = refresh(person.refresh_token).body["tokens"]
        advance(30 * clock.SECOND + 1)
        reused = refresh(person.refresh_token)

        assert (reused.status, reused.code) == (401, "refresh_reused")
        assert refresh(successor["refresh_token"]).code == "token_revoked"
        assert not works(successor["access_token"])
    (message,) = cloud.letters()
    assert (message["kind"], message["to"]) == ("session_reused", "ada@example.com")


def test_a_copied_token_tried_many_times_at_once_is_told_of_once(cloud: Cloud) -> None:
    person = someone()
    refresh(refresh(person.refresh_token).body["tokens"]["refresh_token"])

    with ThreadPoolExecutor(16) as threads:
        replies = list(threads.map(lambda _: refresh(person.refresh_token), range(16)))

    assert {reply.status for reply in replies} == {401}
    assert {reply.code for reply in replies} <= {"refresh_reused", "token_revoked"}
    assert [letter["kind"] for letter in cloud.letters()] == ["session_reused"]


def test_a_token_two_generations_old_is_a_reuse_at_once() -> None:
    person = someone()
    refresh(refresh(person.refresh_token).body["tokens"]["refresh_token"])

    assert refresh(person.refresh_token).code == "refresh_reused"


def test_a_reuse_ends_no_other_session() -> None:
    person = someone()
    other = another_session(person)
    refresh(refresh(person.refresh_token).body["tokens"]["refresh_token"])
    refresh(person.refresh_token)

    assert works(other.access_token)


@pytest.mark.attack
@pytest.mark.parametrize("token", ["x", "usr_1.ses_1.0.secret.mac", "." * 4])
def test_a_forged_refresh_token_is_refused_and_harms_nobody(token: str) -> None:
    person = someone()

    assert refresh(token).code == "unauthenticated"
    assert works(person.token)


def test_a_session_ends_thirty_days_after_it_was_last_refreshed() -> None:
    person = someone()
    with clock.held(clock.now()) as advance:
        advance(29 * clock.DAY)
        token = refresh(person.refresh_token).body["tokens"]["refresh_token"]
        advance(29 * clock.DAY)
        token = refresh(token).body["tokens"]["refresh_token"]
        advance(30 * clock.DAY)

        assert refresh(token).code == "token_revoked"


def test_a_session_ends_at_its_greatest_age_however_much_it_is_used() -> None:
    person = someone()
    with clock.held(clock.now()) as advance:
        token = person.refresh_token
        for _ in range(9):
            advance(20 * clock.DAY - clock.SECOND)
            reply = refresh(token)
            assert reply.status == 200
            token = reply.body["tokens"]["refresh_token"]
        advance(9 * clock.SECOND)

        assert refresh(token).code == "token_revoked"
        assert not works(reply.body["tokens"]["access_token"])


def test_the_greatest_age_is_the_deployments_and_holds_for_sessions_that_were_there_before(
    settings: pytest.MonkeyPatch,
) -> None:
    person = someone()
    with clock.held(clock.now()) as advance:
        advance(8 * clock.DAY)
        settings.setenv("SESSION_MAX_DAYS", "7")
        config.cache_clear()

        assert refresh(person.refresh_token).code == "token_revoked"


def test_a_refresh_shows_in_the_list_of_sessions() -> None:
    person = someone()
    with clock.held(clock.now()) as advance:
        advance(clock.MINUTE)
        token = refresh(person.refresh_token).body["tokens"]["access_token"]
        (session,) = ask(app, "GET", "/auth/sessions", token=token).body["items"]

    assert session["last_seen_at"] > session["created_at"]
    assert session["ip"] == ADDRESS


# --- listing and ending ---------------------------------------------------------------------------------------


def test_sessions_are_listed_the_newest_first_and_paged() -> None:
    with clock.held(clock.now()) as advance:
        person = someone()
        for number in range(4):
            advance(10)
            another_session(person, f"device {number}")
        first = ask(app, "GET", "/auth/sessions", token=person.token, query={"limit": "3"}).body
        query = {"limit": "3", "cursor": first["next_cursor"]}
        second = ask(app, "GET", "/auth/sessions", token=person.token, query=query).body

    names = [each["device_name"] for each in first["items"] + second["items"]]
    assert names == ["device 3", "device 2", "device 1", "device 0", "test"]
    assert [each["current"] for each in second["items"]] == [False, True]
    assert second["next_cursor"] is None


@pytest.mark.attack
def test_a_cursor_of_somebody_else_is_refused() -> None:
    person, other = someone(), someone("bob")
    another_session(person)
    cursor = ask(app, "GET", "/auth/sessions", token=person.token, query={"limit": "1"}).body["next_cursor"]

    assert ask(app, "GET", "/auth/sessions", token=other.token, query={"cursor": cursor}).code == "invalid_cursor"


def test_signing_out_ends_this_session_at_once_and_no_other() -> None:
    person = someone()
    other = another_session(person)

    assert ask(app, "POST", "/auth/logout", token=person.token).status == 204

    refused = ask(app, "GET", "/auth/sessions", token=person.token)
    assert (refused.status, refused.code) == (401, "token_revoked")
    assert refresh(person.refresh_token).code == "token_revoked"
    assert works(other.access_token)


def test_signing_out_everywhere_ends_all_sessions() -> None:
    person, stranger = someone(), someone("bob")
    others = [another_session(person) for _ in range(3)]

    assert ask(app, "POST", "/auth/logout-all", token=person.token).status == 204

    assert not any(works(token) for token in [person.token, *(each.access_token for each in others)])
    assert works(stranger.token)


def test_more_sessions_than_one_transaction_takes_are_ended_too() -> None:
    person = someone()
    for _ in range(120):
        another_session(person)

    sessions.end_all(person.user_id, reason="logout")

    assert session_store.live_sessions(person.user_id) == []


def test_one_ends_another_of_ones_own_sessions() -> None:
    person = someone()
    other = another_session(person)
    path = {"session_id": other.session_id}

    assert ask(app, "DELETE", "/auth/sessions/{session_id}", path, token=person.token).status == 204

    assert not works(other.access_token)
    assert works(person.token)
    assert ask(app, "DELETE", "/auth/sessions/{session_id}", path, token=person.token).status == 404


def test_who_ends_a_session_again_completes_an_end_whose_answer_was_lost(redis: Any) -> None:
    person = someone()
    other = another_session(person)
    assert works(other.access_token)
    session_store.revoke(person.user_id, [other.session_id], stage=lambda _: None)  # committed, and nothing after it
    path = {"session_id": other.session_id}

    assert ask(app, "DELETE", "/auth/sessions/{session_id}", path, token=person.token).status == 404

    assert not works(other.access_token)


@pytest.mark.parametrize("session_id", ["ses_00000000000000000000000000", "usr_1", "x" * 100])
def test_a_session_that_is_not_there_is_not_found(session_id: str) -> None:
    path = {"session_id": session_id}

    assert ask(app, "DELETE", "/auth/sessions/{session_id}", path, token=someone().token).status == 404


@pytest.mark.attack
def test_somebody_elses_session_is_not_found_and_stands() -> None:
    person, other = someone(), someone("bob")
    path = {"session_id": other.session_id}

    assert ask(app, "DELETE", "/auth/sessions/{session_id}", path, token=person.token).status == 404
    assert works(other.token)


def test_the_sockets_of_an_ended_session_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    person = someone()
    closed: list[tuple[Any, ...]] = []

    def note(user_id: str, session_ids: Any, *, reason: str) -> None:
        closed.append((user_id, session_ids and list(session_ids), reason))

    monkeypatch.setattr(realtime, "close_sessions", note)
    ask(app, "POST", "/auth/logout", token=person.token)

    assert closed == [(person.user_id, [person.session_id], "logout")]
    assert connections.connections_of([person.user_id]) == []


def test_the_keys_are_public_and_cacheable() -> None:
    reply = ask(app, "GET", "/.well-known/jwks.json")

    assert reply.status == 200
    assert reply.headers["cache-control"] == "public, max-age=300"
    assert len(reply.body["keys"]) == 2  # that of tokens, that of the key log
    for key in reply.body["keys"]:
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")
        assert "d" not in key


def test_sockets_that_could_not_be_closed_with_their_session_are_closed_by_the_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person, closed = someone(), list[object]()

    def away(*_arguments: object, **_named: object) -> None:
        raise DependencyUnavailable

    def close(user_id: str, session_ids: object, *, reason: str) -> None:
        closed.append((user_id, session_ids, reason))

    monkeypatch.setattr(realtime, "close_sessions", away)
    sessions.end_one(user_id=person.user_id, session_id=person.session_id)
    assert not works(person.token)

    monkeypatch.setattr(realtime, "close_sessions", close)
    with clock.held(clock.now() + after_commit.GRACE_MS + clock.SECOND):
        assert follow_ups.handler({}, CONTEXT) == {"done": 1, "failed": 0}
        assert follow_ups.handler({}, CONTEXT) == {"done": 0, "failed": 0}
    assert closed == [(person.user_id, [person.session_id], "revoked")]
