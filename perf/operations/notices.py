"""Counted operations of typing and receipts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial

from kernel import clock
from perf import gateway
from perf.fixtures import Operation, call, conversation, deliver, new_conversation, read, say
from perf.gateway import Reply
from perf.in_process_stack import InProcessStack
from perf.people import Person

TYPING = "POST /conversations/{conversation_id}/typing"
RECEIPTS = "GET /conversations/{conversation_id}/receipts"
TYPING_LASTS_S = 3
READERS = 5


def _type(who: Person, conversation_id: str, typing: bool = True) -> Reply:
    return call("MessagesFunction", TYPING, who, {"typing": typing}, conversation_id=conversation_id)


def _type_on_socket(who: Person, conversation_id: str) -> Reply:
    body = {"conversation_id": conversation_id, "typing": True}
    return gateway.frame("TypingFunction", who, "L0SM9cOFvHcCIhw=", body)


def _later(seconds: int) -> AbstractContextManager[object]:
    return clock.held(clock.now() + seconds * clock.SECOND)


class _Typist:
    """A person who types every ten seconds, so that each start and each end is sent to the others."""

    def __init__(self, stack: InProcessStack, size: int, how: Callable[[Person, str], Reply]) -> None:
        self._stack, self._how = stack, how
        self._conversation_id, (self._who, *_) = new_conversation(size)
        stack.jobs()  # reminders of other operations would be rescheduled endlessly while the clock is held

    def start(self, turn: int) -> Reply:
        with _later(10 * turn):
            return self._how(self._who, self._conversation_id)

    def end(self, turn: int, reminders: Sequence[str] = ()) -> Reply:
        """Run the queue's reminder that typing has ended."""
        with _later(10 * turn + TYPING_LASTS_S):
            for reminder in reminders:
                gateway.job(reminder)
            return deliver(self._stack)


def start_typing(size: int, how: Callable[[Person, str], Reply], stack: InProcessStack) -> Operation:
    typist = _Typist(stack, size, how)
    return Operation(typist.start, before=lambda turn: typist.end(turn - 1))


def typing_is_over(size: int, stack: InProcessStack) -> Operation:
    typist = _Typist(stack, size, _type_on_socket)
    reminders: list[str] = []

    def before(turn: int) -> None:
        typist.start(turn)
        reminders[:] = [job for job in stack.jobs() if "typing_over" in job]  # the other job sends the start

    return Operation(lambda turn: typist.end(turn, reminders), before=before)


def type_on(_stack: InProcessStack) -> Operation:
    """The repetition that a client sends every second, which is not passed on."""
    conversation_id, people = new_conversation(2)
    return Operation(lambda _: _type(people[0], conversation_id), before=lambda _: _type(people[0], conversation_id))


def list_receipts(size: int, stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, size)
    return Operation(lambda _: call("MessagesFunction", RECEIPTS, people[0], conversation_id=conversation_id))


def tell_receipts(size: int, stack: InProcessStack) -> Operation:
    """The queue's job after several people have read the same message within a second."""
    conversation_id, people = conversation(stack, size)

    def before(_turn: int) -> None:
        seq = say(people[0], conversation_id).json()["seq"]
        stack.jobs()
        for reader in people[1 : 1 + READERS]:
            read(reader, conversation_id, seq)

    return Operation(partial(deliver, stack), before=before)


OPERATIONS: dict[str, Callable[[InProcessStack], Operation]] = {
    "typing (HTTP), direct": partial(start_typing, 2, _type),
    "typing (socket), direct": partial(start_typing, 2, _type_on_socket),
    "typing (socket), group of 20": partial(start_typing, 20, _type_on_socket),
    "typing on (HTTP), direct": type_on,
    "fan-out of typing that is over to 20": partial(typing_is_over, 20),
    "list receipts, group of 50": partial(list_receipts, 50),
    "list receipts, group of 200": partial(list_receipts, 200),
    "fan-out of five receipts to 50": partial(tell_receipts, 50),
    "fan-out of five receipts to 200": partial(tell_receipts, 200),
}
