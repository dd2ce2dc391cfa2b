"""The counted operations: each prepares its fixtures first, then runs as often as requested."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kernel import ids
from perf import gateway
from perf.fixtures import MESSAGES, Operation, call, conversation, create, deliver, read, say, say_on_socket, shared
from perf.gateway import Reply
from perf.in_process_stack import InProcessStack
from perf.operations import (
    assistant,
    calls,
    drive,
    groups,
    keys,
    messages,
    notices,
    notifications,
    polls,
    presence,
    scheduled,
    search,
)
from perf.people import Person, newcomers

PASSWORD = "correct horse battery staple"


def register(_stack: InProcessStack) -> Operation:
    def run(_turn: int) -> Reply:
        name = ids.new("n")[-12:]
        body = {"email": f"{name}@example.com", "username": name, "password": PASSWORD, "display_name": "Ada"}
        return gateway.http("SignInFunction", "POST /auth/register", body=body)

    return Operation(run)


def sign_in(stack: InProcessStack) -> Operation:
    user = register(stack).run(0).json()["user"]
    body = {"identifier": user["username"], "password": PASSWORD}
    return Operation(lambda _: gateway.http("SignInFunction", "POST /auth/login", body=body))


def refresh(_stack: InProcessStack) -> Operation:
    held = [newcomers(1)[0].refresh_token]

    def run(_turn: int) -> Reply:
        reply = gateway.http("SessionsFunction", "POST /auth/refresh", body={"refresh_token": held[0]})
        held[0] = reply.json()["tokens"]["refresh_token"]
        return reply

    return Operation(run)


def create_group(_stack: InProcessStack) -> Operation:
    owner, *others = newcomers(5)
    body = {"type": "group", "name": "Five", "member_ids": [other.user_id for other in others]}
    return Operation(lambda _: gateway.http("ConversationsFunction", "POST /conversations", owner, body=body))


def send(size: int, stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, size)
    return Operation(partial(say, people[0], conversation_id))


def send_on_socket(size: int, stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, size)
    return Operation(partial(say_on_socket, people[0], conversation_id))


def mark_read(stack: InProcessStack) -> Operation:
    conversation_id, (reader, writer) = conversation(stack, 2)
    seqs: list[int] = []
    return Operation(
        lambda _: read(reader, conversation_id, seqs[-1]),
        before=lambda _: seqs.append(say(writer, conversation_id).json()["seq"]),
    )


def list_messages(stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, 2)
    for n in range(60):
        say(people[n % 2], conversation_id)
    path = {"conversation_id": conversation_id}
    return Operation(lambda _: gateway.http("MessagesFunction", f"GET {MESSAGES}", people[0], path=path))


def list_conversations(_stack: InProcessStack, *, unread: bool) -> Operation:
    reader, *others = newcomers(51)
    for other in others:
        conversation_id = create(other, [reader])
        seq = say(other, conversation_id).json()["seq"]
        if not unread:
            read(reader, conversation_id, seq)
    return Operation(lambda _: gateway.http("ConversationsFunction", "GET /conversations", reader))


def _behind() -> tuple[Person, dict[str, int]]:
    """A person who has missed 20 events in each of five conversations, and their cursors."""
    reader, *others = newcomers(6)
    cursors = {}
    for other in others:
        conversation_id = create(other, [reader])
        cursors[conversation_id] = 1
        for _ in range(20):
            say(other, conversation_id)
    return reader, cursors


def sync(stack: InProcessStack) -> Operation:
    reader, cursors = shared(stack, _behind)
    return Operation(lambda _: gateway.http("ConversationsFunction", "POST /sync", reader, body={"cursors": cursors}))


def ping(stack: InProcessStack) -> Operation:
    reader, cursors = shared(stack, _behind)
    return Operation(lambda _: gateway.frame("PingFunction", reader, "L0SM9cOFvHcCIhw=", {"cursors": cursors}))


def list_events(stack: InProcessStack) -> Operation:
    reader, cursors = shared(stack, _behind)
    route = "GET /conversations/{conversation_id}/events"
    return Operation(lambda _: call("ConversationsFunction", route, reader, conversation_id=next(iter(cursors))))


def open_socket(_stack: InProcessStack) -> Operation:
    person = newcomers(1)[0]

    def run(_turn: int) -> Reply:
        ticket = gateway.http("RealtimeFunction", "POST /realtime/tickets", person).json()["ticket"]
        return gateway.open_socket(person, ticket, f"L0SM9c{ids.new('c')[-12:]}=")

    return Operation(run)


def fan_out(size: int, stack: InProcessStack, sockets: int | None = None) -> Operation:
    conversation_id, people = conversation(stack, size, sockets)

    def before(_turn: int) -> None:
        stack.jobs()
        say(people[0], conversation_id)

    return Operation(partial(deliver, stack), before=before)


def send_under_slow_mode(_stack: InProcessStack) -> Operation:
    """Send under slow mode, in a new group each turn, because a person may not send twice soon."""
    people = newcomers(5)
    groups: list[str] = []
    return Operation(
        lambda _: say(people[1], groups[-1]),
        before=lambda _: groups.append(create(people[0], people[1:], slow_mode_seconds=3600)),
    )


OPERATIONS: dict[str, Callable[[InProcessStack], Operation]] = {
    "register": register,
    "sign in": sign_in,
    "refresh tokens": refresh,
    "create a group of 5": create_group,
    "send (HTTP), direct": partial(send, 2),
    "send (HTTP), group of 5": partial(send, 5),
    "send (HTTP), group of 50": partial(send, 50),
    "send (HTTP), group of 200": partial(send, 200),
    "send (socket), direct": partial(send_on_socket, 2),
    "send (socket), group of 50": partial(send_on_socket, 50),
    "send (HTTP), group of 5, slow mode": send_under_slow_mode,
    **messages.OPERATIONS,
    **notices.OPERATIONS,
    **notifications.OPERATIONS,
    **polls.OPERATIONS,
    **groups.OPERATIONS,
    **presence.OPERATIONS,
    **drive.OPERATIONS,
    **search.OPERATIONS,
    **assistant.OPERATIONS,
    **keys.OPERATIONS,
    **scheduled.OPERATIONS,
    "mark read": mark_read,
    "list 50 messages": list_messages,
    "list 50 conversations, all read": partial(list_conversations, unread=False),
    "list 50 conversations, all unread": partial(list_conversations, unread=True),
    "sync, 5 conversations, 20 events each": sync,
    "ping with the cursors of 5 conversations": ping,
    "list 20 events": list_events,
    "connect (ticket, authorizer, $connect)": open_socket,
    **calls.OPERATIONS,
    "fan-out of one job to 50": partial(fan_out, 50),
    "fan-out of one job to 200": partial(fan_out, 200),
}
