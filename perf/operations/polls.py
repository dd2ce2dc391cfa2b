"""Counted operations of polls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kernel import clock, ids
from perf import gateway
from perf.fixtures import Operation, call, conversation, create, deliver, worked
from perf.gateway import Reply
from perf.in_process_stack import InProcessStack
from perf.people import Person

POLLS = "/conversations/{conversation_id}/polls"


def _ask(person: Person, conversation_id: str, _turn: int = 0, **fields: Any) -> Reply:
    question = {"client_id": ids.new("c"), "question": "Where shall we have lunch today?", "options": list("ABCDE")}
    return call("PollsFunction", f"POST {POLLS}", person, question | fields, conversation_id=conversation_id)


def _poll(person: Person, conversation_id: str, **fields: Any) -> dict[str, Any]:
    poll: dict[str, Any] = _ask(person, conversation_id, **fields).json()
    return poll


def _act(person: Person, route: str, poll: dict[str, Any], body: Any = None) -> Reply:
    return call("PollsFunction", route, person, body, poll_id=poll["id"])


def _vote(person: Person, poll: dict[str, Any], turn: int) -> Reply:
    """Vote for another option each turn."""
    body = {"option_ids": [poll["options"][turn % len(poll["options"])]["id"]]}
    return _act(person, "PUT /polls/{poll_id}/vote", poll, body)


def create_poll(stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, 5)
    return Operation(partial(_ask, people[0], conversation_id))


def _on_fresh_poll(
    stack: InProcessStack,
    size: int,
    run: Callable[[Person, dict[str, Any], int], Reply],
    *,
    voted: bool = False,
    **fields: Any,
) -> Operation:
    """An action of the creator on a new poll, in which they have voted if `voted`."""
    conversation_id, people = conversation(stack, size)
    polls: list[dict[str, Any]] = []

    def before(turn: int) -> None:
        polls.append(_poll(people[0], conversation_id, **fields))
        if voted:
            _vote(people[0], polls[-1], turn)

    return Operation(lambda turn: run(people[0], polls[-1], turn), before=before)


def first_vote(size: int, stack: InProcessStack) -> Operation:
    return _on_fresh_poll(stack, size, _vote)


def retract(stack: InProcessStack) -> Operation:
    return _on_fresh_poll(stack, 5, lambda who, poll, _: _act(who, "DELETE /polls/{poll_id}/vote", poll), voted=True)


def add_option(stack: InProcessStack) -> Operation:
    def run(who: Person, poll: dict[str, Any], _turn: int) -> Reply:
        return _act(who, "POST /polls/{poll_id}/options", poll, {"text": "F"})

    return _on_fresh_poll(stack, 5, run, allow_add_options=True)


def close(stack: InProcessStack) -> Operation:
    """Close a poll by hand before its time, which also stops the waiting state machine."""
    tomorrow = clock.rfc3339(clock.now() + clock.DAY)
    return _on_fresh_poll(
        stack, 5, lambda who, poll, _: _act(who, "POST /polls/{poll_id}/close", poll), closes_at=tomorrow
    )


def close_by_time(stack: InProcessStack) -> Operation:
    """Close a poll at its time, as the state machine does.

    Each turn has its own conversation, because the clock is moved on in it.
    """
    _, people = conversation(stack, 5)
    polls: list[dict[str, Any]] = []

    def run(_turn: int) -> Reply:
        with clock.held(clock.now() + clock.SECOND):
            return worked(gateway.invoke("ClosePollFunction", {"poll_id": polls[-1]["id"]})["done"])

    def before(_turn: int) -> None:
        conversation_id = create(people[0], people[1:])
        polls.append(_poll(people[0], conversation_id, closes_at=clock.rfc3339(clock.now() + clock.SECOND)))

    return Operation(run, before=before)


def list_voters(stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, 50)
    poll = _poll(people[0], conversation_id)
    for person in people:
        _vote(person, poll, 0)
    return Operation(lambda _: _act(people[0], "GET /polls/{poll_id}/voters", poll))


def vote_again(stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, 5)
    return Operation(partial(_vote, people[0], _poll(people[0], conversation_id)))


def get_poll(stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, 5)
    poll = _poll(people[0], conversation_id)
    return Operation(lambda _: _act(people[1], "GET /polls/{poll_id}", poll))


def list_polls(stack: InProcessStack) -> Operation:
    _, people = conversation(stack, 5)
    conversation_id = create(people[0], people[1:])
    for _ in range(50):
        _poll(people[0], conversation_id)
    return Operation(lambda _: call("PollsFunction", f"GET {POLLS}", people[0], conversation_id=conversation_id))


def fan_out_vote(size: int, stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, size)
    poll = _poll(people[0], conversation_id)

    def before(turn: int) -> None:
        stack.jobs()
        _vote(people[0], poll, turn)

    return Operation(partial(deliver, stack), before=before)


OPERATIONS: dict[str, Callable[[InProcessStack], Operation]] = {
    "create a poll, group of 5": create_poll,
    "vote, group of 5": partial(first_vote, 5),
    "vote, group of 200": partial(first_vote, 200),
    "vote again, group of 5": vote_again,
    "retract a vote": retract,
    "add an option to a poll": add_option,
    "close a poll": close,
    "close a poll by its time": close_by_time,
    "list 50 voters": list_voters,
    "get a poll": get_poll,
    "list 50 polls": list_polls,
    "fan-out of a vote to 50": partial(fan_out_vote, 50),
    "fan-out of a vote to 200": partial(fan_out_vote, 200),
}
