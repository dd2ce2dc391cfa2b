"""What people do with polls, to be counted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kernel import ids
from perf import gateway
from perf.gateway import Reply
from perf.people import Person
from perf.scenes import Operation, SceneFailed, conversation, create, deliver
from perf.stage import Stage

POLLS = "/conversations/{conversation_id}/polls"


def _ask(person: Person, conversation_id: str, _turn: int = 0) -> Reply:
    body = {"client_id": ids.new("c"), "question": "Where shall we have lunch today?", "options": list("ABCDE")}
    path = {"conversation_id": conversation_id}
    return gateway.http("PollsFunction", f"POST {POLLS}", person, path=path, body=body)


def _poll(person: Person, conversation_id: str) -> dict[str, Any]:
    reply = _ask(person, conversation_id)
    if reply.status != 201:
        raise SceneFailed(f"{reply.status} {reply.text[:300]}")
    poll: dict[str, Any] = reply.json()
    return poll


def _vote(person: Person, poll: dict[str, Any], turn: int) -> Reply:
    """For another option each turn."""
    body = {"option_ids": [poll["options"][turn % len(poll["options"])]["id"]]}
    return gateway.http("PollsFunction", "PUT /polls/{poll_id}/vote", person, path={"poll_id": poll["id"]}, body=body)


def create_poll(stage: Stage) -> Operation:
    conversation_id, people = conversation(stage, 5)
    return Operation(partial(_ask, people[0], conversation_id))


def first_vote(size: int, stage: Stage) -> Operation:
    conversation_id, people = conversation(stage, size)
    polls: list[dict[str, Any]] = []
    return Operation(
        lambda turn: _vote(people[0], polls[-1], turn),
        before=lambda _: polls.append(_poll(people[0], conversation_id)),
    )


def vote_again(stage: Stage) -> Operation:
    conversation_id, people = conversation(stage, 5)
    return Operation(partial(_vote, people[0], _poll(people[0], conversation_id)))


def get_poll(stage: Stage) -> Operation:
    conversation_id, people = conversation(stage, 5)
    path = {"poll_id": _poll(people[0], conversation_id)["id"]}
    return Operation(lambda _: gateway.http("PollsFunction", "GET /polls/{poll_id}", people[1], path=path))


def list_polls(stage: Stage) -> Operation:
    _, people = conversation(stage, 5)
    conversation_id = create(people[0], people[1:])
    for _ in range(50):
        _poll(people[0], conversation_id)
    path = {"conversation_id": conversation_id}
    return Operation(lambda _: gateway.http("PollsFunction", f"GET {POLLS}", people[0], path=path))


def fan_out_vote(size: int, stage: Stage) -> Operation:
    conversation_id, people = conversation(stage, size)
    poll = _poll(people[0], conversation_id)

    def before(turn: int) -> None:
        stage.jobs()
        _vote(people[0], poll, turn)

    return Operation(partial(deliver, stage), before=before)


OPERATIONS: dict[str, Callable[[Stage], Operation]] = {
    "create a poll, group of 5": create_poll,
    "vote, group of 5": partial(first_vote, 5),
    "vote, group of 200": partial(first_vote, 200),
    "vote again, group of 5": vote_again,
    "get a poll": get_poll,
    "list 50 polls": list_polls,
    "fan-out of a vote to 50": partial(fan_out_vote, 50),
    "fan-out of a vote to 200": partial(fan_out_vote, 200),
}
