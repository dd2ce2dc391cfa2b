"""Fan-out: delivers frames that the sender's function did not post itself, packed per socket.

Membership is read here, after the commit, so that a member removed before it receives nothing (R6). Jobs of one batch
for the same conversation share one read of its members and their sockets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from realtime import delivery, jobs, store
from realtime.frames import has_expired
from realtime.jobs import FRAMES, Job
from realtime.store import Connection, Target

MAX_DIRECT = 100  # with more live sockets, the work is split into jobs of their own

Outgoing = dict[Target, list[str]]


class Recipient(Protocol):
    """A recipient of a conversation's frames, who gets nothing with a seq below `visible_from`."""

    @property
    def user_id(self) -> str: ...

    @property
    def visible_from(self) -> int: ...

    def receives(self, what: Any, of: str | None) -> bool:
        """Whether the recipient gets notices of the kind `what` caused by the person `of`."""
        ...


class Audience(Protocol):
    """The port to the domain above that knows a conversation's recipients and renders viewer-specific events."""

    def recipients(self, conversation_id: str) -> Sequence[Recipient]:
        """All present members of the conversation."""
        ...

    def render(self, conversation_id: str, seqs: Sequence[int], to: Sequence[Any]) -> Mapping[str, list[str]]:
        """These events as frames, by user id, for these recipients."""
        ...


_audience: list[Audience] = []


def register_audience(audience: Audience) -> None:
    _audience[:] = [audience]


def handle(batch: Sequence[Job]) -> None:
    """Run a batch of jobs; raises if one of them fails, and then all of them may be repeated."""
    outgoing: Outgoing = defaultdict(list)
    by_conversation: dict[str, list[Job]] = defaultdict(list)
    for job in batch:
        if job["kind"] == "connections":
            for user_id, connection_id in job["targets"]:
                outgoing[user_id, connection_id].extend(job["frames"])
        elif job["kind"] in FRAMES:
            by_conversation[job["conversation_id"]].append(job)
        else:
            jobs.do(job)
    for conversation_id, waiting in by_conversation.items():
        _route(conversation_id, sorted(waiting, key=lambda job: job["seq"]), outgoing)
    delivery.deliver(
        {
            target: fresh
            for target, frames in outgoing.items()
            if (fresh := [frame for frame in frames if not has_expired(frame)])
        }
    )


def _route(conversation_id: str, waiting: Sequence[Job], outgoing: Outgoing) -> None:
    """Add the frames for the live members of a conversation to `outgoing`, or enqueue them if they are many."""
    (audience,) = _audience
    people = {each.user_id: each for each in audience.recipients(conversation_id)}
    live = delivery.reachable(store.receiving_connections_of(list(people)))
    shared = [job for job in waiting if job["kind"] == "members"]
    if shared and len(live) > MAX_DIRECT:
        for job in shared:
            _enqueue_chunks(people, live, job)
        shared = []
    for job in shared:
        for connection in live:
            outgoing[connection.target].extend(_frames_for(people[connection.user_id], job))
    seqs = [job["seq"] for job in waiting if job["kind"] == "personal"]
    if seqs and live:
        there = [people[user_id] for user_id in {each.user_id for each in live}]
        frames = audience.render(conversation_id, seqs, there)
        for connection in live:
            outgoing[connection.target].extend(frames.get(connection.user_id, ()))


def _enqueue_chunks(people: Mapping[str, Recipient], live: Sequence[Connection], job: Job) -> None:
    seen_by: dict[tuple[str, ...], list[Connection]] = defaultdict(list)
    for connection in live:
        seen_by[_frames_for(people[connection.user_id], job)].append(connection)
    for frames, connections in seen_by.items():
        if frames:
            delivery.enqueue(delivery.jobs_for(connections, frames))


def _frames_for(recipient: Recipient, job: Job) -> tuple[str, ...]:
    """The frames of a job for one recipient: none of events before they joined, and frames without content for changes
    of messages from before."""
    if recipient.user_id == job["but"] or 0 < job["seq"] < recipient.visible_from:
        return ()
    if not recipient.receives(job.get("what", "message"), job.get("of")):
        return ()
    hidden = "about" in job and job["about"] < recipient.visible_from
    return tuple(job["hidden"] if hidden else job["frames"])
