"""The counted operations of presence: setting, asking, watching, and telling who watches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from perf import gateway
from perf.gateway import Reply
from perf.people import Person, newcomers
from perf.scenes import Operation, deliver
from perf.stage import Stage

DEVICE = "L0SM9cOFvHcCIhw="


def set_presence(_stage: Stage) -> Operation:
    person = newcomers(1)[0]
    return Operation(lambda turn: _choose(person, turn))


def _choose(person: Person, turn: int) -> Reply:
    body = {"status": ("away", "busy")[turn % 2]}
    return gateway.http("PresenceFunction", "PUT /presence", person, body=body)


def ask(size: int, _stage: Stage) -> Operation:
    person, *others = newcomers(size + 1)
    query = {"user_ids": ",".join(other.user_id for other in others)}
    return Operation(lambda _: gateway.http("PresenceFunction", "GET /presence", person, query=query))


def watch(size: int, *, anew: bool, _stage: Stage) -> Operation:
    """By two people in turn: one alone would meet the limit of the action when it is counted often."""
    watchers, others = newcomers(2), newcomers(size)

    def say(turn: int, user_ids: list[str]) -> Reply:
        return gateway.frame("WatchPresenceFunction", watchers[turn % 2], f"{DEVICE}{turn % 2}", {"user_ids": user_ids})

    return Operation(
        lambda turn: say(turn, [other.user_id for other in others]),
        before=lambda turn: say(turn, []) if anew else None,
    )


def tell(size: int, stage: Stage) -> Operation:
    """What follows from a change that so many sockets watch."""
    person, *others = newcomers(size + 1)
    for n, other in enumerate([person, *others]):
        ticket = gateway.http("RealtimeFunction", "POST /realtime/tickets", other).json()["ticket"]
        gateway.open_socket(other, ticket, f"{DEVICE}{n}")
        if n:
            gateway.frame("WatchPresenceFunction", other, f"{DEVICE}{n}", {"user_ids": [person.user_id]})

    def before(turn: int) -> None:
        stage.jobs()
        _choose(person, turn)

    return Operation(partial(deliver, stage), before=before)


OPERATIONS: dict[str, Callable[[Stage], Operation]] = {
    "set presence": set_presence,
    "presence of 20": partial(ask, 20),
    "watch 20": lambda stage: watch(20, anew=True, _stage=stage),
    "watch the same 20 again": lambda stage: watch(20, anew=False, _stage=stage),
    "tell 20 who watch": partial(tell, 20),
}
