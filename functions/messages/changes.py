"""Changing a message: an event about it, and its new state with it, both or neither."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from conversations import log, publish
from conversations.entries import Draft, Entry
from conversations.model import Place
from conversations.seen import Seen
from conversations.service import known
from kernel.caller import Caller
from kernel.dynamo import Cancelled, Key, Record, Transaction
from kernel.errors import Conflict
from kernel.resilience import retried

STALE = {"message", "pins"}  # the labels of what is written only if it still is as it was read
TRIES = 8


@dataclass(frozen=True, slots=True)
class Change:
    """An event of this kind about a message, which is `after` it what it is then; `stage` writes that.

    `stage` gets the seq of the event. `details` are what the event tells beside.
    """

    kind: str
    after: Entry
    stage: Callable[[Transaction, int], None]
    details: dict[str, str] = field(default_factory=dict)


class Contended(Conflict):
    """What was read has moved on each time before it could be changed."""

    detail = "Somebody changed this at the same time; try again."


def change(
    *,
    caller: Caller,
    conversation_id: str,
    message_id: str,
    plan: Callable[[Place, Entry, Seen], Change | None],
    people: Iterable[str] = (),
    records: Sequence[tuple[type[Record], Key]] = (),
) -> Entry | None:
    """Carry out what `plan` wants of a message as it is, None for nothing; returns it as it is then.

    Two store round trips and those of telling. `plan` is asked again when the message or the log has moved on.
    """
    seen = Seen(messages=[message_id], people=people, records=records)
    attempt = partial(_attempt, caller, known(conversation_id), message_id, plan, seen)
    return retried(attempt, on=Contended, tries=TRIES)


def _attempt(
    caller: Caller,
    conversation_id: str,
    message_id: str,
    plan: Callable[[Place, Entry, Seen], Change | None],
    seen: Seen,
) -> Entry | None:
    wanted: Change | None = None

    def events(place: Place) -> log.Plan:
        nonlocal wanted
        message = seen.message(place, message_id)
        wanted = plan(place, message, seen)
        if wanted is None:
            return log.Plan([])
        about: dict[str, Any] = {"message_seq": message.seq, "message_id": message_id, **wanted.details}
        return log.Plan([Draft(wanted.kind, caller.user_id, about)], partial(_stage, wanted, place.next_seq))

    try:
        place, entries = log.append(conversation_id, caller.user_id, events, find=seen)
    except Cancelled as refused:
        if refused.failed.keys() & STALE:
            raise Contended(retry_after_s=1) from refused
        raise
    if wanted is None:
        return None
    publish.committed(place, entries, known=[wanted.after])
    return wanted.after


def _stage(wanted: Change, seq: int, transaction: Transaction) -> None:
    wanted.stage(transaction, seq)
