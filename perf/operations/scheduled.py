"""Counted operations of scheduled and of disappearing messages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kernel import clock, ids
from perf import gateway
from perf.fixtures import TEXT, Operation, call, new_conversation, say, worked
from perf.gateway import Reply
from perf.in_process_stack import InProcessStack
from perf.people import Person

SCHEDULED = "/conversations/{conversation_id}/scheduled"


def _schedule(who: Person, conversation_id: str, after_ms: int = clock.DAY) -> Reply:
    body = {"client_id": ids.new("c"), "text": TEXT, "send_at": clock.rfc3339(clock.now() + after_ms)}
    return call("ScheduledFunction", f"POST {SCHEDULED}", who, body, conversation_id=conversation_id)


def schedule(_stack: InProcessStack) -> Operation:
    conversation_id, people = new_conversation(2)
    return Operation(lambda _: _schedule(people[0], conversation_id))


def list_scheduled(_stack: InProcessStack) -> Operation:
    conversation_id, people = new_conversation(2)
    for _ in range(50):
        _schedule(people[0], conversation_id)
    return Operation(
        lambda _: call("ScheduledFunction", f"GET {SCHEDULED}", people[0], conversation_id=conversation_id)
    )


def cancel(_stack: InProcessStack) -> Operation:
    conversation_id, people = new_conversation(2)
    waiting: list[str] = []

    def run(_turn: int) -> Reply:
        route = f"DELETE {SCHEDULED}/{{scheduled_id}}"
        path = {"conversation_id": conversation_id, "scheduled_id": waiting[-1]}
        return call("ScheduledFunction", route, people[0], **path)

    return Operation(run, before=lambda _: waiting.append(_schedule(people[0], conversation_id).json()["id"]))


def send(_stack: InProcessStack) -> Operation:
    """Send a scheduled message at its time, as the state machine does."""
    conversation_id, people = new_conversation(2)
    waiting: list[str] = []

    def run(_turn: int) -> Reply:
        event = {"user_id": people[0].user_id, "conversation_id": conversation_id, "scheduled_id": waiting[-1]}
        with clock.held(clock.now() + clock.SECOND):
            return worked(gateway.invoke("SendScheduledFunction", event)["done"])

    def before(_turn: int) -> None:
        waiting.append(_schedule(people[0], conversation_id, clock.SECOND).json()["id"])

    return Operation(run, before=before)


def erase_expired(messages: int, _stack: InProcessStack) -> Operation:
    """The erasure that runs every minute, with this many expired messages in one conversation."""
    conversation_id, people = new_conversation(2, disappearing_seconds=1)

    def run(_turn: int) -> Reply:
        with clock.held(clock.now() + clock.SECOND):
            return worked(gateway.invoke("EraseExpiredFunction", {})["erased"] == messages)

    def before(_turn: int) -> None:
        for _ in range(messages):
            say(people[0], conversation_id)

    return Operation(run, before=before)


OPERATIONS: dict[str, Callable[[InProcessStack], Operation]] = {
    "schedule a message": schedule,
    "list 50 scheduled messages": list_scheduled,
    "cancel a scheduled message": cancel,
    "send a scheduled message": send,
    "erase messages that have expired, none": partial(erase_expired, 0),
    "erase messages that have expired, 8": partial(erase_expired, 8),
}
