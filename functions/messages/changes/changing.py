"""Changing a message: its new state and the event about it are written in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import messages.events  # noqa: F401 - what is appended here
from conversations import api as conversations
from conversations.api import ContextLoader, require_id
from conversations.model import MemberContext
from kernel.caller import Caller
from kernel.dynamo import Key, Record
from kernel.errors import Conflict
from kernel.resilience import retried
from kernel.transactions import Cancelled, Transaction
from log import api as log
from log.model import Event, NewEvent

STALE = {
    "message",
    "pins",
}  # labels of conditions that fail when message or pins have changed since
TRIES = 8


@dataclass(frozen=True, slots=True)
class MessageChange:
    """A change of a message: the event's type, the message after it, and `stage`, which writes it.

    `stage` gets the seq of the event. `details` are further data of the event.
    """

    kind: str
    after: Event
    stage: Callable[[Transaction, int], None]
    details: dict[str, str] = field(default_factory=dict)


class MessageMoved(Conflict):
    """The message has changed between reading and writing, in all tries."""

    detail = "Somebody changed this at the same time; try again."


def change(
    *,
    caller: Caller,
    conversation_id: str,
    message_id: str,
    plan: Callable[[MemberContext, Event, ContextLoader], MessageChange | None],
    people: Iterable[str] = (),
    records: Sequence[tuple[type[Record], Key]] = (),
    for_platform: bool = False,
) -> Event | None:
    """Make the change that `plan` returns for the present message (None for no change); returns the new message.

    With `for_platform` the caller need not be a member, as for the erasure of people who have left. Two store round
    trips, and those of publishing. `plan` is called again when the message or the log has changed.
    """
    seen = ContextLoader(messages=[message_id], people=people, records=records, for_platform=for_platform)
    attempt = partial(_attempt, caller, require_id(conversation_id), message_id, plan, seen)
    return retried(attempt, on=MessageMoved, tries=TRIES)


def _attempt(
    caller: Caller,
    conversation_id: str,
    message_id: str,
    plan: Callable[[MemberContext, Event, ContextLoader], MessageChange | None],
    seen: ContextLoader,
) -> Event | None:
    wanted: MessageChange | None = None

    def append_plan(context: MemberContext) -> log.AppendPlan:
        nonlocal wanted
        message = seen.message(context, message_id)
        wanted = plan(context, message, seen)
        if wanted is None:
            return log.AppendPlan([])
        about: dict[str, Any] = {"message_seq": message.seq, "message_id": message_id, **wanted.details}
        return log.AppendPlan([NewEvent(wanted.kind, caller.user_id, about)], partial(_stage, wanted, context.next_seq))

    try:
        context, events = conversations.append(conversation_id, caller.user_id, append_plan, load=seen)
    except Cancelled as refused:
        if refused.failed.keys() & STALE:
            raise MessageMoved(retry_after_s=1) from refused
        raise
    if wanted is None:
        return None
    conversations.publish_events(context, events, preloaded=[wanted.after])
    return wanted.after


def _stage(wanted: MessageChange, seq: int, transaction: Transaction) -> None:
    wanted.stage(transaction, seq)
