"""Counted operations of AI help, with the embedded provider, which needs no network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perf import gateway
from perf.fixtures import Operation, call, create, say
from perf.in_process_stack import InProcessStack
from perf.operations.search import said_and_told
from perf.people import newcomers

MESSAGES = 200


def _chat(how_many: int) -> tuple[Any, str]:
    """A person and a conversation with `how_many` messages, both with AI help switched on."""
    reader, other = newcomers(2)
    conversation_id = create(other, [reader], ai_enabled=True)
    call("AssistantFunction", "PUT /ai/settings", reader, {"enabled": True})
    for _ in range(how_many):
        say(other, conversation_id)
    return reader, conversation_id


def _asking(route: str, how_many: int, **fields: Any) -> Callable[[InProcessStack], Operation]:
    def prepared(_stack: InProcessStack) -> Operation:
        reader, conversation_id = _chat(how_many)
        body = {"conversation_id": conversation_id, **fields}
        return Operation(lambda _: gateway.http("AssistantFunction", route, reader, body=body))

    return prepared


def index_meaning(stack: InProcessStack) -> Operation:
    """The work of the meaning consumer for one message."""
    reader, conversation_id = _chat(0)
    waiting: list[str] = []
    return Operation(
        lambda _: gateway.job(waiting[-1], to="MeaningFunction"),
        before=lambda _: waiting.extend(said_and_told(stack, reader, conversation_id)),
    )


OPERATIONS: dict[str, Callable[[InProcessStack], Operation]] = {
    "sum up 200 messages": _asking("POST /ai/summaries", MESSAGES, after_seq=0, length="long"),
    "suggest replies": _asking("POST /ai/replies", 5),
    "index the meaning of a message": index_meaning,
    "answer a question": _asking("POST /ai/answers", 20, question="Who writes about hundred characters?"),
}
