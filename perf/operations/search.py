"""Counted operations of search."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kernel import clock
from log.subscriptions import AT_ONCE_MS
from perf import gateway
from perf.fixtures import Operation, conversation, create, dispatched, say, shared
from perf.in_process_stack import InProcessStack
from perf.people import Person, newcomers


def _said_and_indexed(stack: InProcessStack, how_many: int, conversations: int) -> tuple[Any, str]:
    """A person with several conversations, each with `how_many` indexed messages; and one of the conversations."""
    reader, *others = newcomers(conversations + 1)
    conversation_id = ""
    for other in others:
        conversation_id = create(other, [reader])
        gateway.job(*said_and_told(stack, other, conversation_id, how_many), to="IndexFunction")
    return reader, conversation_id


def said_and_told(stack: InProcessStack, who: Person, conversation_id: str, how_many: int = 1) -> list[str]:
    """Send messages; returns their jobs in search's queue, where the dispatcher puts them when they are late."""
    stack.jobs("search")
    seqs = [say(who, conversation_id).json()["seq"] for _ in range(how_many)]
    with clock.held(clock.now() + AT_ONCE_MS):
        dispatched(conversation_id, *seqs)
    return stack.jobs("search")


def dispatch(stack: InProcessStack) -> Operation:
    """The stream dispatcher's work for one message, which it indexes at once."""
    conversation_id, people = conversation(stack, 2)
    seqs: list[int] = []
    return Operation(
        lambda _: dispatched(conversation_id, seqs[-1]),
        before=lambda _: seqs.append(say(people[0], conversation_id).json()["seq"]),
    )


def index(stack: InProcessStack) -> Operation:
    """The search consumer's work for one message of its queue."""
    conversation_id, people = conversation(stack, 2)
    waiting: list[str] = []
    return Operation(
        lambda _: gateway.job(waiting[-1], to="IndexFunction"),
        before=lambda _: waiting.extend(said_and_told(stack, people[0], conversation_id)),
    )


def search_everywhere(conversations: int, stack: InProcessStack) -> Operation:
    reader, _ = shared(stack, _said_and_indexed, stack, 12, conversations)
    query = {"q": "mess hundred", "limit": "50"}
    return Operation(lambda _: gateway.http("SearchFunction", "GET /search", reader, query=query))


def search_one(stack: InProcessStack) -> Operation:
    reader, conversation_id = _said_and_indexed(stack, 60, 1)
    query = {"q": "mess hundred", "limit": "50", "conversation_id": conversation_id}
    return Operation(lambda _: gateway.http("SearchFunction", "GET /search", reader, query=query))


def search_in_vain(stack: InProcessStack) -> Operation:
    reader, _ = shared(stack, _said_and_indexed, stack, 12, 5)
    return Operation(lambda _: gateway.http("SearchFunction", "GET /search", reader, query={"q": "nowhere"}))


OPERATIONS: dict[str, Callable[[InProcessStack], Operation]] = {
    "dispatch a message (stream)": dispatch,
    "index a message from the queue": index,
    "search, 5 conversations": partial(search_everywhere, 5),
    "search, 40 conversations": partial(search_everywhere, 40),
    "search one conversation": search_one,
    "search in vain, 5 conversations": search_in_vain,
}
