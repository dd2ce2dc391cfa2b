"""The cached state of sessions, with Redis and without: ending one is effective whatever Redis does (R14, R51)."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from accounts.app import app
from accounts.sessions import liveness, session_ends, session_store
from accounts.sessions import service as sessions
from kernel import after_commit, auth, cache, clock, session_marks
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable
from messages.actions import send_message
from operations.consumers import follow_ups
from realtime import api as realtime
from realtime import fanout
from realtime.actions import connect
from realtime.app import app as realtime_app
from tests.conftest import fresh_process
from tests.helpers import CONTEXT, Reply, ask, someone
from tests.integration.rooms import group, people, seen
from tests.management import serving
from tests.tools import jobs, socket_event
from users.app import app as users_app


def refresh(token: str) -> Reply:
    return ask(app, "POST", "/auth/refresh", body={"refresh_token": token})


def works(token: str) -> bool:
    """Whether a read-only call is accepted, which the cached state of the session decides."""
    return ask(users_app, "GET", "/users/me", token=token).status == 200


def say(who: Caller, conversation_id: str, text: str) -> dict[str, Any]:
    """The response to a message over a socket."""
    frame = {"action": "sendMessage", "id": "1", "conversation_id": conversation_id, "client_id": text, "text": text}
    answer: dict[str, Any] = json.loads(send_message.handler(socket_event(who, frame), CONTEXT)["body"])
    return answer


def test_without_redis_an_end_is_known_to_other_processes_at_once() -> None:
    person = someone()
    assert works(person.token)

    session_store.revoke(person.user_id, [person.session_id], stage=lambda _: None)  # by another process

    assert not works(person.token)


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"of another version", b""])
def test_a_mark_that_says_nothing_known_neither_ends_a_session_nor_keeps_it(redis: Any, mark: bytes) -> None:
    person = someone()
    redis.set(session_marks.key(person.session_id), mark)
    assert works(person.token)
    assert liveness.is_live(person.user_id, person.session_id)
    session_store.revoke(person.user_id, [person.session_id], stage=lambda _: None)  # by another process
    assert not works(person.token)


def test_with_redis_an_end_is_known_to_other_processes_at_once(redis: Any) -> None:
    person = someone()
    assert works(person.token)
    assert redis.get(f"session:{person.session_id}") == "live"

    sessions.revoke(person.user_id, [person.session_id], reason="logout", sockets_of=[])
    fresh_process()

    assert redis.get(f"session:{person.session_id}") == "revoked"
    assert not works(person.token)


def test_redis_remembers_an_end_longer_than_any_access_token_lives(redis: Any) -> None:
    person = someone()

    sessions.revoke(person.user_id, [person.session_id], reason="logout", sockets_of=[])

    assert redis.ttl(f"session:{person.session_id}") > auth.ACCESS_TTL_S + auth.LEEWAY_S


def test_the_news_of_an_end_is_not_overwritten_by_who_read_the_table_before(
    redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = someone()
    in_table = liveness.standing_by_table

    def slowly(user_id: str, session_id: str) -> str:
        standing = in_table(user_id, session_id)
        sessions.revoke(user_id, [session_id], reason="logout", sockets_of=[])
        return standing

    monkeypatch.setattr(liveness, "standing_by_table", slowly)
    liveness.is_live(person.user_id, person.session_id)

    assert redis.get(f"session:{person.session_id}") == "revoked"


def test_an_ended_session_sends_nothing_over_its_socket_though_that_cannot_be_closed(
    redis: Any, settings: pytest.MonkeyPatch
) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    on_socket = replace(ada, connection_id="socket-1")
    with serving(settings) as management:
        management.status["socket-1"] = 429
        assert connect.handler(socket_event(on_socket, "", route="$connect"), CONTEXT)["statusCode"] == 200
        assert say(on_socket, tea, "first")["type"] == "ack"

        sessions.revoke(ada.user_id, [ada.session_id], reason="logout", sockets_of=[ada.session_id])
        answer = say(on_socket, tea, "second")

    assert answer["problem"]["code"] == "token_revoked"
    assert [each["data"]["text"] for each in seen(bob, tea) if each["type"] == "message.created"] == ["first"]


def _used(redis: Any) -> int:
    """How many calls are counted, in whichever windows."""
    return sum(int(redis.get(key)) for key in redis.keys("rl:*"))


def test_calls_of_an_ended_session_use_up_nothing_of_the_limits(redis: Any) -> None:
    person = someone()
    assert works(person.token)
    used = _used(redis)
    assert used > 0

    sessions.revoke(person.user_id, [person.session_id], reason="logout", sockets_of=[])

    assert not works(person.token)
    assert _used(redis) == used


def test_a_redis_that_takes_no_writes_is_not_asked_about_sessions(redis: Any) -> None:
    """Such a Redis has missed the mark of the session's end."""
    person = someone()
    assert works(person.token)
    session_store.revoke(person.user_id, [person.session_id], stage=lambda _: None)
    redis.config_set("min-replicas-to-write", 1)
    try:
        assert not works(person.token)
    finally:
        redis.config_set("min-replicas-to-write", 0)


def test_an_emptied_redis_is_filled_from_the_table(redis: Any) -> None:
    person, ended = someone(), someone("bob")
    sessions.revoke(ended.user_id, [ended.session_id], reason="logout", sockets_of=[])
    redis.flushall()

    assert works(person.token)
    assert not works(ended.token)


@pytest.mark.parametrize("with_redis", [True, False])
def test_what_opens_or_changes_something_is_refused_whatever_is_remembered(redis: Any, with_redis: bool) -> None:
    """R51: the end of a session that Redis has missed, because it was paused or failed over."""
    person = someone()
    session_store.revoke(person.user_id, [person.session_id], stage=lambda _: None)
    if with_redis:
        redis.set(f"session:{person.session_id}", "live")
    else:
        redis.flushall()
    change = {"current_password": "correct horse battery", "new_password": "another horse battery"}

    replies = [
        ask(realtime_app, "POST", "/realtime/tickets", token=person.token),
        ask(app, "POST", "/auth/password/change", token=person.token, body=change),
        ask(app, "GET", "/auth/sessions", token=person.token),
        refresh(person.refresh_token),
    ]

    assert [(reply.status, reply.body["code"]) for reply in replies] == [(401, "token_revoked")] * 4


def _repeated_marks() -> list[dict[str, Any]]:
    """Deliver the queued marks that Redis has missed, once; returns them."""
    marks = jobs()
    assert all(mark["delay_s"] == session_ends.AGAIN_S for mark in marks)
    fanout.handle(marks)
    return marks


@contextmanager
def _redis_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as away:
        away.setattr("kernel.cache._redis", lambda: (_ for _ in ()).throw(OSError("away")))
        yield


@contextmanager
def _read_only(redis: Any) -> Iterator[None]:
    """A Valkey without its required replica, which accepts reads and refuses writes."""
    redis.config_set("min-replicas-to-write", 1)
    try:
        yield
    finally:
        redis.config_set("min-replicas-to-write", 0)


@contextmanager
def _paused(redis: Any) -> Iterator[None]:
    pid = int(redis.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def _paused_for_writes(redis: Any) -> Iterator[None]:
    redis.client_pause(600_000, all=False)
    try:
        yield
    finally:
        redis.client_unpause()


FAULTS: dict[str, Callable[[Any], AbstractContextManager[None]]] = {
    "read-only": _read_only,
    "paused": _paused,
    "paused for writes": _paused_for_writes,
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_session_that_ends_while_redis_takes_nothing_is_refused_at_once(redis: Any, fault: str) -> None:
    """Redis still has the session as live, but callers do not trust a Redis that accepts no writes (R51)."""
    person = someone()
    assert works(person.token)
    with FAULTS[fault](redis):
        sessions.revoke(person.user_id, [person.session_id], reason="logout", sockets_of=[])
        for _ in range(6):  # some while the breaker lets calls through, some while it is open
            fresh_process()
            assert not works(person.token)
            assert not works(person.token)
    fresh_process()
    if fault != "paused":  # there Valkey may find the mark in its buffers when it goes on
        assert redis.get(f"session:{person.session_id}") == "live"

    assert len(_repeated_marks()) == 1

    assert redis.get(f"session:{person.session_id}") == "revoked"
    assert not works(person.token)
    assert jobs() == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", FAULTS)
def test_sessions_that_stand_go_on_while_redis_takes_nothing(redis: Any, fault: str) -> None:
    person = someone()
    assert works(person.token)
    with FAULTS[fault](redis):
        assert all(works(person.token) for _ in range(4))


def test_while_redis_is_away_the_table_is_asked_each_time(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    person = someone()
    with _redis_away(monkeypatch):
        assert works(person.token)
        session_store.revoke(person.user_id, [person.session_id], stage=lambda _: None)  # by another process
        assert not works(person.token)


def test_news_of_an_end_that_redis_did_not_take_is_repeated_each_second_until_it_does(
    redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = someone()
    assert works(person.token)
    with clock.held(clock.now()) as advance:
        with _redis_away(monkeypatch):
            sessions.revoke(person.user_id, [person.session_id], reason="logout", sockets_of=[person.session_id])
            for _ in range(10):
                advance(session_ends.AGAIN_S * clock.SECOND)
                assert len(_repeated_marks()) == 1
        assert redis.get(f"session:{person.session_id}") == "live"

        advance(session_ends.AGAIN_S * clock.SECOND)  # the breaker of the queue's process is open still
        _repeated_marks()

        assert redis.get(f"session:{person.session_id}") == "revoked"
        advance(after_commit.GRACE_MS)
        assert follow_ups.handler({}, CONTEXT) == {"done": 0, "failed": 0}


def test_it_is_repeated_no_more_when_redis_can_have_nothing_of_the_session(
    redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = someone()
    with clock.held(clock.now()) as advance, _redis_away(monkeypatch):
        sessions.revoke(person.user_id, [person.session_id], reason="logout", sockets_of=[])
        advance(session_ends.REPEATED_MS - clock.SECOND)
        assert len(_repeated_marks()) == 1
        advance(2 * clock.SECOND)
        assert len(_repeated_marks()) == 1
        advance(session_ends.AGAIN_S * clock.SECOND)
        assert _repeated_marks() == []


def test_where_the_queue_takes_no_news_either_the_sweep_brings_it(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    person = someone()
    assert works(person.token)

    def away(*_: object, **__: object) -> None:
        raise DependencyUnavailable

    with clock.held(clock.now()) as advance:
        with _redis_away(monkeypatch), monkeypatch.context() as queueless:
            queueless.setattr(realtime, "enqueue", away)
            sessions.revoke(person.user_id, [person.session_id], reason="logout", sockets_of=[])
        cache.breaker.reset()
        advance(after_commit.GRACE_MS + 1)
        follow_ups.handler({}, CONTEXT)

    assert redis.get(f"session:{person.session_id}") == "revoked"
    assert not works(person.token)
