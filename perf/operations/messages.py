"""Counted operations on messages other than sending, and their fan-out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kernel import ids
from perf import gateway
from perf.fixtures import MESSAGES, TEXT, Operation, conversation, create, deliver, say
from perf.gateway import Reply
from perf.in_process_stack import InProcessStack
from perf.people import Person, newcomers

CONVERSATION = "/conversations/{conversation_id}"
ONE_MESSAGE = MESSAGES + "/{message_id}"
PIN = CONVERSATION + "/pins/{message_id}"
DRAFT = CONVERSATION + "/draft"


def _call(who: Person, route: str, conversation_id: str, message_id: str = "", body: Any = None, **path: str) -> Reply:
    where = {"conversation_id": conversation_id, "message_id": message_id, **path}
    named = {name: value for name, value in where.items() if f"{{{name}}}" in route}
    return gateway.http("MessagesFunction", route, who, path=named, body=body)


def _on_fresh_message(
    stack: InProcessStack,
    route: str,
    body: Any = None,
    before: Callable[[Person, str, str], object] | None = None,
    **path: str,
) -> Operation:
    """An action on a message just sent between two people, after `before` was called with it."""
    conversation_id, people = conversation(stack, 2)
    sent: list[str] = []

    def prepare(_turn: int) -> None:
        sent.append(say(people[0], conversation_id).json()["id"])
        if before is not None:
            before(people[0], conversation_id, sent[-1])

    return Operation(lambda _: _call(people[0], route, conversation_id, sent[-1], body, **path), before=prepare)


def edit(stack: InProcessStack) -> Operation:
    return _on_fresh_message(stack, f"PATCH {ONE_MESSAGE}", {"text": TEXT[::-1]})


def react(stack: InProcessStack) -> Operation:
    return _on_fresh_message(stack, f"PUT {ONE_MESSAGE}/reactions/{{emoji}}", emoji="👍")


def _react(who: Person, conversation_id: str, message_id: str, emoji: str = "👍") -> Reply:
    return _call(who, f"PUT {ONE_MESSAGE}/reactions/{{emoji}}", conversation_id, message_id, emoji=emoji)


def _edit(who: Person, conversation_id: str, message_id: str) -> Reply:
    return _call(who, f"PATCH {ONE_MESSAGE}", conversation_id, message_id, {"text": TEXT[::-1]})


def _pin(who: Person, conversation_id: str, message_id: str) -> Reply:
    return _call(who, f"PUT {PIN}", conversation_id, message_id)


def react_again(stack: InProcessStack) -> Operation:
    return _on_fresh_message(stack, f"PUT {ONE_MESSAGE}/reactions/{{emoji}}", before=_react, emoji="👍")


def unreact(stack: InProcessStack) -> Operation:
    return _on_fresh_message(stack, f"DELETE {ONE_MESSAGE}/reactions/{{emoji}}", before=_react, emoji="👍")


def unpin(stack: InProcessStack) -> Operation:
    return _on_fresh_message(stack, f"DELETE {PIN}", before=_pin)


def get(stack: InProcessStack) -> Operation:
    return _on_fresh_message(stack, f"GET {ONE_MESSAGE}")


def delete(stack: InProcessStack) -> Operation:
    def before(who: Person, conversation_id: str, message_id: str) -> None:
        for change in (_edit, _react, _pin):
            change(who, conversation_id, message_id)

    return _on_fresh_message(stack, f"DELETE {ONE_MESSAGE}", before=before)


def earlier_texts(stack: InProcessStack) -> Operation:
    return _on_fresh_message(stack, f"GET {ONE_MESSAGE}/edits", before=_edit)


def pin(_stack: InProcessStack) -> Operation:
    """Pin the tenth message of a conversation."""
    people = newcomers(2)
    fresh: list[tuple[str, str]] = []

    def before(_turn: int) -> None:
        conversation_id = create(people[0], newcomers(1))
        messages = [say(people[0], conversation_id).json()["id"] for _ in range(10)]
        for message_id in messages[:9]:
            _pin(people[0], conversation_id, message_id)
        fresh.append((conversation_id, messages[9]))

    return Operation(lambda _: _pin(people[0], *fresh[-1]), before=before)


def list_pins(_stack: InProcessStack) -> Operation:
    who, *others = newcomers(2)
    conversation_id = create(who, others)
    for _ in range(20):
        _pin(who, conversation_id, say(who, conversation_id).json()["id"])
    return Operation(lambda _: _call(who, f"GET {CONVERSATION}/pins", conversation_id))


def _reply(who: Person, conversation_id: str, root: str) -> Reply:
    body = {"client_id": ids.new("c"), "text": TEXT, "thread_root": root}
    return _call(who, f"POST {MESSAGES}", conversation_id, body=body)


def reply_in_thread(stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, 2)
    root = say(people[0], conversation_id).json()["id"]
    return Operation(lambda _: _reply(people[1], conversation_id, root))


def list_thread(stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, 2)
    root = say(people[0], conversation_id).json()["id"]
    for n in range(60):
        _reply(people[n % 2], conversation_id, root)
    return Operation(lambda _: _call(people[0], f"GET {ONE_MESSAGE}/thread", conversation_id, root))


def mention(size: int, stack: InProcessStack) -> Operation:
    """Mention a person whose username this process has looked up in the last minutes."""
    conversation_id, people = conversation(stack, size)
    text = f"@{people[1].user_id[-12:]} {TEXT}"
    route = f"POST {MESSAGES}"
    return Operation(lambda _: _call(people[0], route, conversation_id, body={"client_id": ids.new("c"), "text": text}))


def forward(stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, 2)
    elsewhere = create(people[0], newcomers(2))
    message_id = say(people[0], elsewhere).json()["id"]
    source = {"conversation_id": elsewhere, "message_id": message_id}
    route = f"POST {MESSAGES}"
    return Operation(
        lambda _: _call(people[0], route, conversation_id, body={"client_id": ids.new("c"), "forward": source})
    )


def _save_draft(who: Person, conversation_id: str) -> Reply:
    return _call(who, f"PUT {DRAFT}", conversation_id, body={"text": TEXT})


def save_draft(stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, 2)
    return Operation(lambda _: _save_draft(people[0], conversation_id))


def on_draft(method: str, stack: InProcessStack) -> Operation:
    """Get or clear an existing draft."""
    conversation_id, people = conversation(stack, 2)
    return Operation(
        lambda _: _call(people[0], f"{method} {DRAFT}", conversation_id),
        before=lambda _: _save_draft(people[0], conversation_id),
    )


def list_drafts(_stack: InProcessStack) -> Operation:
    who, *others = newcomers(21)
    for other in others:
        _save_draft(who, create(who, [other]))
    return Operation(lambda _: gateway.http("MessagesFunction", "GET /drafts", who))


def tell_of_an_edit(size: int, stack: InProcessStack) -> Operation:
    """The fan-out of an edit to a message with reactions, which look different to each person."""
    conversation_id, people = conversation(stack, size)

    def before(_turn: int) -> None:
        message_id = say(people[0], conversation_id).json()["id"]
        for who in people[:3]:
            _react(who, conversation_id, message_id)
        stack.jobs()
        _edit(people[0], conversation_id, message_id)

    return Operation(partial(deliver, stack), before=before)


OPERATIONS: dict[str, Callable[[InProcessStack], Operation]] = {
    "get a message": get,
    "edit": edit,
    "edits of a message": earlier_texts,
    "delete (edited, pinned, reacted to)": delete,
    "react": react,
    "react again": react_again,
    "unreact": unreact,
    "pin (the tenth)": pin,
    "unpin": unpin,
    "list 20 pins": list_pins,
    "reply in a thread": reply_in_thread,
    "list 50 replies of a thread": list_thread,
    "mention, direct": partial(mention, 2),
    "mention, group of 50": partial(mention, 50),
    "forward": forward,
    "save a draft": save_draft,
    "get a draft": partial(on_draft, "GET"),
    "clear a draft": partial(on_draft, "DELETE"),
    "list 20 drafts": list_drafts,
    "fan-out of an edit to 50": partial(tell_of_an_edit, 50),
    "fan-out of an edit to 200": partial(tell_of_an_edit, 200),
}
