"""Who gets a message at once: sockets are read with the sender's context, and looked at again after the commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from kernel import aws, cache
from kernel.caller import Caller
from realtime import service as realtime
from tests.integration.rooms import add, direct, group, people, send
from tests.management import Management
from tests.tools import jobs, store_calls


def _on(who: Caller, name: str) -> Caller:
    return replace(who, connection_id=name)


def _texts(management: Management, name: str) -> list[Any]:
    return [each["data"]["text"] for each in management.frames(name) if each["type"] == "message.created"]


@contextmanager
def _before_the_commit(happens: Callable[[], object]) -> Iterator[None]:
    """Let something happen once after the sender's context was read, and before the message is committed."""
    left = [happens]

    def interrupt(**_: Any) -> None:
        if left:
            left.pop()()

    events = aws.client("dynamodb").meta.events
    events.register("before-call.dynamodb.TransactWriteItems", interrupt)
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb.TransactWriteItems", interrupt)


def _talking(redis: Any) -> tuple[Caller, Caller, str]:
    """Two people whose conversation this process has met, and whose sockets have not changed lately."""
    ada, bob = people("ada", "bob")
    conversation_id = direct(ada, bob)
    for who, name in ((ada, "ada-1"), (bob, "bob-1")):
        realtime.open_connection(_on(who, name))
    send(ada, conversation_id, "first")
    redis.flushall()
    return ada, bob, conversation_id


def test_a_message_takes_two_requests_where_the_conversation_was_met(redis: Any, management: Management) -> None:
    ada, _, conversation_id = _talking(redis)
    with store_calls() as asked:
        send(ada, conversation_id, "second")
    assert asked == ["BatchGetItem", "TransactWriteItems"]
    assert _texts(management, "bob-1") == _texts(management, "ada-1") == ["first", "second"]


def test_a_socket_that_opens_before_the_commit_gets_the_message(redis: Any, management: Management) -> None:
    ada, bob, conversation_id = _talking(redis)
    with _before_the_commit(lambda: realtime.open_connection(_on(bob, "bob-2"))):
        send(ada, conversation_id, "second")
    assert _texts(management, "bob-2") == ["second"]
    assert _texts(management, "bob-1") == ["first", "second"]


def test_a_socket_that_closes_before_the_commit_is_not_posted_to(redis: Any, management: Management) -> None:
    ada, bob, conversation_id = _talking(redis)
    with _before_the_commit(lambda: realtime.close_connection(_on(bob, "bob-1"))):
        send(ada, conversation_id, "second")
    assert _texts(management, "bob-1") == ["first"]


def test_without_redis_sockets_are_read_after_the_commit(
    redis: Any, management: Management, settings: pytest.MonkeyPatch
) -> None:
    ada, bob, conversation_id = _talking(redis)
    settings.setattr(cache, "is_configured", lambda: False)
    with _before_the_commit(lambda: realtime.open_connection(_on(bob, "bob-2"))):
        send(ada, conversation_id, "second")
    assert _texts(management, "bob-2") == ["second"]


def test_who_came_since_gets_the_message_and_who_left_does_not(redis: Any, management: Management) -> None:
    ada, bob, eve = people("ada", "bob", "eve")
    conversation_id = group(ada, bob)
    for who, name in ((ada, "ada-1"), (bob, "bob-1"), (eve, "eve-1")):
        realtime.open_connection(_on(who, name))
    send(ada, conversation_id, "first")
    add(ada, conversation_id, eve)
    jobs()
    redis.flushall()
    send(ada, conversation_id, "second")
    assert _texts(management, "eve-1") == ["second"]


def test_the_sockets_of_a_repeated_plan_are_those_of_its_last_context(redis: Any, management: Management) -> None:
    ada, bob, conversation_id = _talking(redis)
    with _before_the_commit(lambda: send(bob, conversation_id, "between")):
        send(ada, conversation_id, "second")
    assert _texts(management, "bob-1") == ["first", "between", "second"]
