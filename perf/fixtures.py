"""Fixtures of the counted operations: conversations, and people's actions in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from kernel import ids
from perf import fakes, gateway
from perf.gateway import Reply
from perf.in_process_stack import STACK, InProcessStack
from perf.people import Person, connect, newcomers

P = ParamSpec("P")
T = TypeVar("T")
TEXT = "A message of a hundred characters, which is about what people write to each other in chats, often."
MESSAGES = "/conversations/{conversation_id}/messages"


def _nothing(_turn: int) -> None:
    """Prepare nothing."""


@dataclass(frozen=True, slots=True)
class Operation:
    """`before` prepares a turn and is not counted; `run` is counted."""

    run: Callable[[int], Reply]
    before: Callable[[int], object] = _nothing


class FixtureFailed(Exception):
    """The setup of an operation failed."""


def done(reply: Reply) -> Reply:
    """The reply, if it is a success. Raises FixtureFailed."""
    if not 200 <= reply.status < 300:
        raise FixtureFailed(f"{reply.status} {reply.text[:300]}")
    return reply


def call(function_id: str, route: str, who: Person, body: Any = None, **path: str) -> Reply:
    """A request that must succeed, such as `call("PollsFunction", "GET /polls/{poll_id}", ada, poll_id=…)`."""
    return done(gateway.http(function_id, route, who, path=path, body=body))


def worked(well: bool) -> Reply:
    """A reply for functions that answer no request."""
    return Reply(200 if well else 500, "")


def create(owner: Person, others: Sequence[Person], **settings: Any) -> str:
    """Create a group, or a direct conversation if there is one other person; returns its id."""
    kind: dict[str, Any] = {"type": "direct"} if len(others) == 1 else {"type": "group", "name": "Everybody"}
    body = kind | {"member_ids": [other.user_id for other in others], "settings": settings}
    return str(done(gateway.http("ConversationsFunction", "POST /conversations", owner, body=body)).json()["id"])


def new_conversation(size: int, sockets: int | None = None, **settings: Any) -> tuple[str, list[Person]]:
    """A conversation of `size` new people, each with a live socket (or `sockets` in total)."""
    people = newcomers(size)
    connect(people, sockets)
    return create(people[0], people[1:], **settings), people


def shared(stack: InProcessStack, make: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """What `make` returns for these arguments, made once per stack: for operations that change nothing in it."""
    key = (make, *given, *sorted(named.items()))
    if key not in stack.fixtures:
        stack.fixtures[key] = make(*given, **named)
    found: T = stack.fixtures[key]
    return found


def conversation(stack: InProcessStack, size: int, sockets: int | None = None) -> tuple[str, list[Person]]:
    """Like `new_conversation`, but shared by all operations."""
    return shared(stack, new_conversation, size, size if sockets is None else sockets)


def say(sender: Person, conversation_id: str, _turn: int = 0) -> Reply:
    body = {"client_id": ids.new("c"), "text": TEXT}
    path = {"conversation_id": conversation_id}
    return done(gateway.http("MessagesFunction", f"POST {MESSAGES}", sender, path=path, body=body))


def dispatched(conversation_id: str, *seqs: int) -> Reply:
    """Let the stream's dispatcher handle events in one batch."""
    keys = [{"conversation_id": {"S": conversation_id}, "seq": {"N": str(seq)}} for seq in seqs]
    return gateway.dispatch(*(fakes.item(f"{STACK}-events", key) or {} for key in keys))


def say_on_socket(sender: Person, conversation_id: str, _turn: int = 0) -> Reply:
    body = {"conversation_id": conversation_id, "client_id": ids.new("c"), "text": TEXT}
    return gateway.frame("SendMessageFunction", sender, "L0SM9cOFvHcCIhw=", body)


def deliver(stack: InProcessStack, _turn: int = 0) -> Reply:
    """Run the jobs in the queue, one per invocation, until it is empty."""
    status = 200
    while jobs := stack.jobs():
        status = max(status, *(gateway.job(job).status for job in jobs))
    return Reply(status, "")


def read(reader: Person, conversation_id: str, seq: int) -> Reply:
    path, body, route = {"conversation_id": conversation_id}, {"seq": seq}, "POST /conversations/{conversation_id}/read"
    return done(gateway.http("MessagesFunction", route, reader, path=path, body=body))
