"""Sockets are read at half the price where they have not changed lately, and only there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kernel import dynamo
from kernel.caller import Caller
from kernel.config import config
from realtime import service, store
from tests.conftest import STACK

PEOPLE = [f"usr_{n}" for n in range(store.MARKS_WORTH + 1)]
Reads = list[tuple[bool, set[str]]]


def _socket(user_id: str) -> Caller:
    return Caller(user_id, f"ses_{user_id}", f"socket-{user_id}")


@pytest.fixture
def reads() -> Iterator[Reads]:
    """The reads of sockets: whether each is consistent, and of whom it is."""
    found: Reads = []
    events = dynamo.connection().client.meta.events

    def note(params: dict[str, Any], **_: Any) -> None:
        for table, asked in params["RequestItems"].items():
            if table == f"{STACK}-connections":
                found.append((asked["ConsistentRead"], {key["user_id"]["S"] for key in asked["Keys"]}))

    events.register("before-parameter-build.dynamodb.BatchGetItem", note)
    try:
        yield found
    finally:
        events.unregister("before-parameter-build.dynamodb.BatchGetItem", note)


def _read() -> set[str]:
    return {each.user_id for each in store.receiving_connections_of(PEOPLE)}


def test_who_has_opened_a_socket_lately_is_read_consistently(redis: Any, reads: Reads) -> None:
    for user_id in PEOPLE:
        service.open_connection(_socket(user_id))
    redis.flushall()  # a minute later
    service.open_connection(_socket(PEOPLE[0]))
    assert _read() == set(PEOPLE)
    assert reads == [(False, set(PEOPLE[1:])), (True, {PEOPLE[0]})]


@pytest.mark.usefixtures("redis")
def test_who_has_closed_one_lately_as_well(reads: Reads) -> None:
    service.close_connection(_socket(PEOPLE[2]))
    service.close_sessions(PEOPLE[3], None, reason="signed_out")
    reads.clear()
    _read()
    assert reads == [(False, set(PEOPLE) - {PEOPLE[2], PEOPLE[3]}), (True, {PEOPLE[2], PEOPLE[3]})]


def test_without_redis_all_are_read_consistently(reads: Reads) -> None:
    assert not config().redis_url
    _read()
    assert reads == [(True, set(PEOPLE))]


def test_redis_that_hangs_or_fails_has_all_read_consistently(redis: Any, impatient: None, reads: Reads) -> None:
    redis.execute_command("CLIENT", "PAUSE", "2000")
    _read()
    assert reads == [(True, set(PEOPLE))]


@pytest.mark.usefixtures("redis")
def test_few_people_are_not_asked_about(reads: Reads) -> None:
    store.receiving_connections_of(PEOPLE[: store.MARKS_WORTH - 1])
    assert [consistent for consistent, _ in reads] == [True]


def _known() -> dict[str, list[store.Connection]]:
    """The sockets of all, as a send reads them before its commit."""
    live = store.connections_of(PEOPLE)
    return {user_id: [each for each in live if each.user_id == user_id] for user_id in PEOPLE}


def test_sockets_read_before_a_commit_are_read_again_only_where_they_have_changed(redis: Any, reads: Reads) -> None:
    for user_id in PEOPLE:
        service.open_connection(_socket(user_id))
    redis.flushall()  # a minute later
    known = _known()
    service.close_connection(_socket(PEOPLE[1]))
    reads.clear()

    live, answer = store.receiving_connections(PEOPLE, known, lambda pipe: pipe.set("asked", 1))

    assert ({each.user_id for each in live}, answer) == (set(PEOPLE) - {PEOPLE[1]}, True)
    assert reads == [(True, {PEOPLE[1]})]


@pytest.mark.usefixtures("redis")
def test_who_was_not_read_before_a_commit_is_read_after_it(reads: Reads) -> None:
    store.receiving_connections(PEOPLE[:2], {PEOPLE[0]: []})
    assert reads == [(False, {PEOPLE[1]})]


def test_without_redis_nothing_read_before_a_commit_counts(reads: Reads) -> None:
    service.open_connection(_socket(PEOPLE[0]))
    live, answer = store.receiving_connections(PEOPLE, dict.fromkeys(PEOPLE, ()), lambda pipe: pipe.set("asked", 1))
    assert ([each.user_id for each in live], answer) == ([PEOPLE[0]], None)
    assert reads == [(True, set(PEOPLE))]
