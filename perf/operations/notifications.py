"""Counted operations of notifications: notifying people who are away, pushes, devices, the in-app list."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from kernel import clock
from notifications import bursts, pushing
from notifications.providers.outcomes import DELIVERED, Delivery, PushOutcome
from perf import gateway
from perf.fixtures import MESSAGES, Operation, call, create, dispatched, done, read, say
from perf.gateway import Reply
from perf.in_process_stack import InProcessStack
from perf.people import Person, connect, newcomers
from perf.pushes import push_service

AWAY = 40  # people away, of fifty
_KEYS = push_service.keys()


def register(who: Person) -> Reply:
    """Register a browser for pushes, with an endpoint that is never called."""
    return register_at(who, f"http://127.0.0.1:1/{who.user_id}")


def register_at(who: Person, endpoint: str) -> Reply:
    """Register a browser for pushes at an endpoint."""
    body = push_service.device(endpoint, _KEYS)
    return call("NotificationsFunction", "PUT /devices/{device_id}", who, body, device_id="laptop")


def preferences(who: Person) -> Reply:
    return call("NotificationsFunction", "GET /notifications/preferences", who)


def _group(size: int, away: int) -> tuple[str, list[Person]]:
    """A group of `size` people; the last `away` of them have a browser for pushes, the others a live socket."""
    people = newcomers(size)
    connect(people[: size - away])
    for each in people[size - away :]:
        register(each)
    return create(people[0], people[1:]), people


class _Chat:
    """A group with one message a minute, so that each turn alerts again."""

    def __init__(self, stack: InProcessStack, size: int, away: int) -> None:
        self.stack = stack
        self.conversation_id, self.people = _group(size, away)
        self.told = ""

    def say(self, turn: int) -> None:
        with clock.held(clock.now() + turn * 2 * bursts.WINDOW_MS):
            dispatched(self.conversation_id, say(self.people[0], self.conversation_id).json()["seq"])
        self.told = self.stack.jobs("follow")[-1]
        self.stack.jobs()
        self.stack.jobs("push", "notifications")

    def tell(self, turn: int) -> Reply:
        with clock.held(clock.now() + turn * 2 * bursts.WINDOW_MS):
            return gateway.job(self.told, to="FollowFunction")


def tell(size: int, away: int, stack: InProcessStack) -> Operation:
    """The work of the notifications' consumer for one message that alerts people."""
    chat = _Chat(stack, size, away)
    return Operation(chat.tell, before=chat.say)


def tell_in_burst(size: int, away: int, stack: InProcessStack) -> Operation:
    """The work for a message within 30 s of an alert, when an update is already scheduled."""
    chat = _Chat(stack, size, away)
    chat.say(0)
    chat.tell(0)

    def before(_turn: int) -> None:
        chat.say(0)
        chat.tell(0)
        chat.say(0)

    return Operation(lambda _: chat.tell(0), before=before)


def _taken(deliveries: Sequence[Delivery]) -> list[PushOutcome]:
    """A provider that accepts every push; its own cost is measured over real HTTP elsewhere."""
    return [DELIVERED for _ in deliveries]


def push(away: int, stack: InProcessStack) -> Operation:
    """The push function's work for a message's first job, without the posts to the push service."""
    chat = _Chat(stack, away + 1, away)
    jobs: list[str] = []

    def before(turn: int) -> None:
        chat.say(turn)
        chat.tell(turn)
        found = [json.loads(each) for each in stack.jobs("push")]
        jobs[:] = [json.dumps({**each, "at": clock.now()}) for each in found]

    def run(_turn: int) -> Reply:
        senders: Any = pushing.SENDERS
        pushing.SENDERS = {"webpush": _taken}
        try:
            return gateway.job(jobs[0], to="PushFunction")
        finally:
            pushing.SENDERS = senders

    return Operation(run, before=before)


def list_notifications(_stack: InProcessStack) -> Operation:
    reader, *others = newcomers(21)
    for other in others:
        call("UsersFunction", "POST /contacts/{user_id}", other, user_id=reader.user_id)
    for job in _stack.jobs("notifications"):
        gateway.job(job, to="NoticesFunction")
    return Operation(lambda _: call("NotificationsFunction", "GET /notifications", reader))


def list_mentions(count: int, stack: InProcessStack) -> Operation:
    """The newest of as many mentions, of which the older half was read in its conversation."""
    author, reader = newcomers(2)
    conversation_id = create(author, [reader])
    body, path = {"text": "look", "mentions": [reader.user_id]}, {"conversation_id": conversation_id}
    for n in range(count):
        fields = body | {"client_id": f"mention-{n}"}
        said = done(gateway.http("MessagesFunction", f"POST {MESSAGES}", author, path=path, body=fields))
        dispatched(conversation_id, said.json()["seq"])
        if n == count // 2 - 1:
            read(reader, conversation_id, said.json()["seq"])
    for job in stack.jobs("follow"):
        gateway.job(job, to="FollowFunction")

    def run(_turn: int) -> Reply:
        reply = call("NotificationsFunction", "GET /notifications", reader)
        if (unread := reply.json()["unread_count"]) != count - count // 2:
            raise AssertionError(f"{unread} of {count} mentions are unread")
        return reply

    return Operation(run)


def _for_one(run: Callable[[Person], Reply], _stack: InProcessStack) -> Operation:
    who = newcomers(1)[0]
    return Operation(lambda _: run(who))


OPERATIONS: dict[str, Callable[[InProcessStack], Operation]] = {
    "tell one of a message": partial(tell, 2, 1),
    "tell 40 of 50 of a message": partial(tell, 50, AWAY),
    "tell 40 of 50 of a message, in a burst": partial(tell_in_burst, 50, AWAY),
    "push to one": partial(push, 1),
    "push to 25": partial(push, 25),
    "register a device for pushes": partial(_for_one, register),
    "get preferences": partial(_for_one, preferences),
    "list 20 notifications": list_notifications,
    "list 20 mentions": partial(list_mentions, 20),
    "list 50 of 120 mentions": partial(list_mentions, 120),
}
