"""Occurrences from their sources: events of a conversation's log, and jobs of the notifications queue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

from conversations.model import CONVERSATION_CREATED, MEMBER_ADDED
from kernel import ids
from log import api as log
from log.model import MESSAGE_CREATED, Event
from messages.model import REACTION_ADDED
from notifications.model import Kind, Occurrence
from notifications.push_jobs import ring_key

Concerned = Literal["members"] | tuple[str, ...]

_KINDS: Mapping[str, Kind] = {"text": "message", "encrypted": "message", "file": "file", "poll": "poll"}


def of_events(events: Sequence[Event]) -> dict[tuple[str, Concerned], list[Occurrence]]:
    """The occurrences in events, by conversation and audience, so that each of these is read once."""
    found: dict[tuple[str, Concerned], list[Occurrence]] = defaultdict(list)
    for event in events:
        for occurrence, to in of_event(event):
            found[event.conversation_id, to].append(occurrence)
    return found


def of_event(event: Event) -> Iterator[tuple[Occurrence, Concerned]]:
    """The occurrences in an event, each with its audience."""
    if event.type == MESSAGE_CREATED:
        yield from _of_message(event)
    elif event.type == REACTION_ADDED:
        yield from _of_reaction(event)
    elif event.type == MEMBER_ADDED:
        added = str(event.data["user_id"])
        yield _of(event, "invitation"), (added,)
    elif event.type == CONVERSATION_CREATED:
        yield _of(event, "invitation"), "members"


def _of_message(event: Event) -> Iterator[tuple[Occurrence, Concerned]]:
    if event.deleted_at is not None:
        return
    message_type = event.data["type"]
    if message_type == "call":
        call_id = event.data["metadata"]["call_id"]
        yield _of(event, "call", key=ring_key(call_id), call_id=call_id), "members"
    elif message_type in _KINDS:
        yield (
            _of(
                event,
                _KINDS[message_type],
                mentioned=event.mentioned,
                answers=_author(event.conversation_id, event.data.get("reply_to") or event.thread_root),
            ),
            "members",
        )


def _of_reaction(event: Event) -> Iterator[tuple[Occurrence, Concerned]]:
    author = _author(event.conversation_id, event.data.get("message_id"))
    if author is not None:
        yield _of(event, "reaction", message_id=event.data["message_id"]), (author,)


def _author(conversation_id: str, message_id: str | None) -> str | None:
    """The author of a message; None if it no longer exists."""
    seq = None if message_id is None else ids.position(message_id)
    if seq is None:
        return None
    found = log.event_at(conversation_id, seq)
    return None if found is None or found.data.get("id") != message_id else found.actor_id


def _of(event: Event, kind: Kind, **more: Any) -> Occurrence:
    given = {
        "key": f"{event.conversation_id}/{event.seq}",
        "message_id": event.data["id"] if event.is_message else None,
        **more,
    }
    return Occurrence(
        kind=kind,
        actor_id=event.actor_id,
        at=event.at,
        conversation_id=event.conversation_id,
        seq=event.seq,
        **given,
    )


def of_notice(job: Mapping[str, Any]) -> Occurrence:
    """The occurrence of a job of `realtime.notify`."""
    message_id = job["message_id"]
    return Occurrence(
        key=job["key"],
        kind=cast(Kind, job["kind"]),
        actor_id=job["actor_id"],
        at=job["at"],
        conversation_id=job["conversation_id"],
        seq=None if message_id is None else ids.position(message_id),
        message_id=message_id,
        reference=job["reference"],
    )


def of_missed_call(job: Mapping[str, Any]) -> Occurrence:
    """The missed call of a job about a ring that is over; its key depends on the call alone."""
    return Occurrence(
        key=f"{job['call_id']}/missed",
        kind="missed_call",
        actor_id=job["actor_id"],
        at=job["began_at"],
        conversation_id=job["conversation_id"],
        call_id=job["call_id"],
        reference={"call_id": job["call_id"]},
    )
