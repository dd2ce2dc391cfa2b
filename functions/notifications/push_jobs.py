"""The jobs of the push queue, and those of the notifications queue that update alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kernel import clock, queues
from kernel.config import config
from notifications import payloads
from notifications.model import Occurrence

UPDATE = "update"  # the job of the update after a burst
PEOPLE_PER_JOB = 25  # in a push job, each with up to 25 devices


def job_of(occurrence: Occurrence) -> dict[str, Any]:
    """The push queue's job for an occurrence, without people and without a message's content."""
    optional = {
        "conversation_id": occurrence.conversation_id,
        "seq": occurrence.seq,
        "call_id": occurrence.call_id,
        "actor_id": occurrence.actor_id,
        "session_id": occurrence.reference.get("session_id"),
        "text": occurrence.text,
    }
    return {
        "push": occurrence.key,
        "at": occurrence.at,
        "tag": payloads.tag_of(occurrence),
        **{name: value for name, value in optional.items() if value is not None},
    }


def enqueue(job: Mapping[str, Any], kinds: Mapping[str, str]) -> None:
    """Send push jobs for people and the kinds for them, `PEOPLE_PER_JOB` in each."""
    people = sorted(kinds)
    chunks = [people[start : start + PEOPLE_PER_JOB] for start in range(0, len(people), PEOPLE_PER_JOB)]
    jobs = [{**job, "people": {user_id: kinds[user_id] for user_id in chunk}} for chunk in chunks]
    if jobs:
        queues.send(config().push_queue_url, jobs)


def update_later(conversation_id: str, delay_s: int) -> None:
    """Call `update` for a conversation after a delay, by a job of the notifications queue."""
    job = {"do": UPDATE, "conversation_id": conversation_id}
    queues.send(config().notifications_queue_url, [job], delay_s=delay_s)


def call_over(call_id: str, conversation_id: str, user_ids: Sequence[str], *, but_session: str | None = None) -> None:
    """Stop a call's ring on these people's devices that it was pushed to, except that of session `but_session`."""
    job = {
        "push": f"{call_id}/over",
        "after": ring_key(call_id),
        "at": clock.now(),
        "tag": call_id,
        "call_id": call_id,
        "conversation_id": conversation_id,
        **({} if but_session is None else {"session_id": but_session}),
    }
    enqueue(job, dict.fromkeys(user_ids, "call_ended"))


def ring_key(call_id: str) -> str:
    """The name of a call's ring push."""
    return f"{call_id}/ring"
