"""Counted operations of presence: setting, reading, watching, and the fan-out to watchers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from perf import gateway
from perf.fixtures import Operation, deliver
from perf.gateway import Reply
from perf.in_process_stack import InProcessStack
from perf.people import Person, newcomers

DEVICE = "L0SM9cOFvHcCIhw="


def set_presence(_stack: InProcessStack) -> Operation:
    person = newcomers(1)[0]
    return Operation(lambda turn: _choose(person, turn))


def _choose(person: Person, turn: int) -> Reply:
    body = {"status": ("away", "busy")[turn % 2]}
    return gateway.http("PresenceFunction", "PUT /presence", person, body=body)


def ask(size: int, _stack: InProcessStack) -> Operation:
    person, *others = newcomers(size + 1)
    query = {"user_ids": ",".join(other.user_id for other in others)}
    return Operation(lambda _: gateway.http("PresenceFunction", "GET /presence", person, query=query))


def watch(size: int, *, anew: bool, _stack: InProcessStack) -> Operation:
    """Watch people, by two watchers in alternation, because one would reach the action's rate limit."""
    watchers, others = newcomers(2), newcomers(size)

    def say(turn: int, user_ids: list[str]) -> Reply:
        return gateway.frame("WatchPresenceFunction", watchers[turn % 2], f"{DEVICE}{turn % 2}", {"user_ids": user_ids})

    return Operation(
        lambda turn: say(turn, [other.user_id for other in others]),
        before=lambda turn: say(turn, []) if anew else None,
    )


def tell(size: int, stack: InProcessStack) -> Operation:
    """The fan-out of a change to `size` watching sockets."""
    person, *others = newcomers(size + 1)
    for n, other in enumerate([person, *others]):
        ticket = gateway.http("RealtimeFunction", "POST /realtime/tickets", other).json()["ticket"]
        gateway.open_socket(other, ticket, f"{DEVICE}{n}")
        if n:
            gateway.frame("WatchPresenceFunction", other, f"{DEVICE}{n}", {"user_ids": [person.user_id]})

    def before(turn: int) -> None:
        stack.jobs()
        _choose(person, turn)

    return Operation(partial(deliver, stack), before=before)


OPERATIONS: dict[str, Callable[[InProcessStack], Operation]] = {
    "set presence": set_presence,
    "presence of 20": partial(ask, 20),
    "watch 20": lambda stack: watch(20, anew=True, _stack=stack),
    "watch the same 20 again": lambda stack: watch(20, anew=False, _stack=stack),
    "tell 20 who watch": partial(tell, 20),
}
