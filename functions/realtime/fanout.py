"""Fan-out: delivers what the senders did not post themselves, packed per socket.

Membership is read here, after the commit, so nobody who was removed before it receives anything (R6). Jobs that
arrive together and concern the same conversation share one read of its members and their sockets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from realtime import jobs, service, store
from realtime.frames import has_expired
from realtime.jobs import FRAMES, Job
from realtime.store import Connection, Target

MAX_DIRECT = 100  # more live sockets than this and the work is dealt out in chunks

Outgoing = dict[Target, list[str]]


class Recipient(Protocol):
    """Somebody to whom a conversation's frames go; nothing from before `visible_from`."""

    @property
    def user_id(self) -> str: ...

    @property
    def visible_from(self) -> int: ...

    def receives(self, what: Any, of: str | None) -> bool:
        """Whether they hear of what another of the conversation does."""
        ...


class Audience(Protocol):
    """Who hears of a conversation, and how events look that are different to each: the domain above answers."""

    def recipients(self, conversation_id: str) -> Sequence[Recipient]:
        """Everybody in it now."""
        ...

    def render(self, conversation_id: str, seqs: Sequence[int], to: Sequence[Any]) -> Mapping[str, list[str]]:
        """These events as frames, by person, for these of its recipients."""
        ...


_audience: list[Audience] = []


def register_audience(audience: Audience) -> None:
    _audience[:] = [audience]


def handle(batch: Sequence[Job]) -> None:
    """Do jobs that arrived together; raises when any of them failed, and then may all be repeated."""
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
    service.deliver(
        {
            target: fresh
            for target, frames in outgoing.items()
            if (fresh := [frame for frame in frames if not has_expired(frame)])
        }
    )


def _route(conversation_id: str, waiting: Sequence[Job], outgoing: Outgoing) -> None:
    """Frames for the live members of a conversation: into `outgoing`, or dealt out if they are many."""
    (audience,) = _audience
    people = {each.user_id: each for each in audience.recipients(conversation_id)}
    live = service.reachable(store.connections_of(list(people)))
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
            service.enqueue(service.jobs_for(connections, frames))


def _frames_for(recipient: Recipient, job: Job) -> tuple[str, ...]:
    """What somebody gets of a job: nothing from before they came, and of changes to what is from before, no content."""
    if recipient.user_id == job["but"] or 0 < job["seq"] < recipient.visible_from:
        return ()
    if not recipient.receives(job.get("what", "message"), job.get("of")):
        return ()
    hidden = "about" in job and job["about"] < recipient.visible_from
    return tuple(job["hidden"] if hidden else job["frames"])
