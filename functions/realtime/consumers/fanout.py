"""The fan-out function: delivers what the senders did not post themselves, packed per socket.

Membership is read here, after the commit, so nobody who was removed before it receives anything (R6). Jobs that
arrive together and concern the same conversation share one read of its members and their sockets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from conversations import log, publish, receipts, store, views
from conversations.model import Member
from kernel.consumers import Message, all_messages
from kernel.errors import NotFound
from messages import erasure, typing_notice
from presence import presence_fanout
from realtime import service
from realtime import store as connections
from realtime.store import Connection, Target

MAX_DIRECT = 100  # more live sockets than this and the work is dealt out in chunks

Outgoing = dict[Target, list[str]]


def _handle(jobs: Sequence[Message]) -> None:
    outgoing: Outgoing = defaultdict(list)
    by_conversation: dict[str, list[Message]] = defaultdict(list)
    for job in jobs:
        if job["kind"] == "connections":
            for user_id, connection_id in job["targets"]:
                outgoing[user_id, connection_id].extend(job["frames"])
        elif job["kind"] in ALONE:
            ALONE[job["kind"]](job)
        else:
            by_conversation[job["conversation_id"]].append(job)
    for conversation_id, waiting in by_conversation.items():
        _spread(conversation_id, sorted(waiting, key=lambda job: job["seq"]), outgoing)
    service.deliver(
        {
            target: fresh
            for target, frames in outgoing.items()
            if (fresh := [frame for frame in frames if not publish.has_expired(frame)])
        }
    )


def _spread(conversation_id: str, jobs: Sequence[Message], outgoing: Outgoing) -> None:
    """Frames for the live members of a conversation: into `outgoing`, or dealt out if they are many."""
    people = {member.user_id: member for member in store.members(conversation_id)}
    live = service.prompt(connections.connections_of(list(people)))
    wholesale = [job for job in jobs if job["kind"] == "members"]
    if wholesale and len(live) > MAX_DIRECT:
        for job in wholesale:
            _deal_out(people, live, job)
        wholesale = []
    for job in wholesale:
        for connection in live:
            outgoing[connection.target].extend(_frames_for(people[connection.user_id], job))
    personal = [job["seq"] for job in jobs if job["kind"] == "personal"]
    if personal and live:
        _personal(conversation_id, personal, people, live, outgoing)


def _deal_out(people: Mapping[str, Member], live: Sequence[Connection], job: Message) -> None:
    seen_by: dict[tuple[str, ...], list[Connection]] = defaultdict(list)
    for connection in live:
        seen_by[_frames_for(people[connection.user_id], job)].append(connection)
    for frames, connections_ in seen_by.items():
        if frames:
            service.enqueue(service.jobs_for(connections_, frames))


def _frames_for(member: Member, job: Message) -> tuple[str, ...]:
    """What a member gets of a job: nothing from before they came, and of changes to what is from before, no content."""
    if member.user_id == job["but"] or 0 < job["seq"] < member.visible_from:
        return ()
    hidden = "about" in job and job["about"] < member.visible_from
    return tuple(job["hidden"] if hidden else job["frames"])


def _personal(
    conversation_id: str,
    seqs: Sequence[int],
    people: Mapping[str, Member],
    live: Sequence[Connection],
    outgoing: Outgoing,
) -> None:
    events = list(log.at((conversation_id, seq) for seq in seqs).values())
    seen = views.for_members(events, [people[user_id] for user_id in {each.user_id for each in live}])
    frames = {user_id: [publish.frame(event) for event in events] for user_id, events in seen.items()}
    for connection in live:
        outgoing[connection.target].extend(frames.get(connection.user_id, ()))


def _typing_over(job: Message) -> None:
    try:
        typing_notice.over(conversation_id=job["conversation_id"], user_id=job["user_id"])
    except NotFound:
        return  # no member any more: nobody waits for the end of it


def _targets(job: Message) -> list[Target]:
    return [(user_id, connection_id) for user_id, connection_id in job["targets"]]


# Jobs that are done one by one, each reading what is so by then.
ALONE: dict[str, Callable[[Message], None]] = {
    "presence": lambda job: presence_fanout.notify(
        user_id=job["user_id"], was=job["was"], until=job.get("until"), after=job.get("after")
    ),
    "presence_due": lambda job: presence_fanout.flush(targets=_targets(job), user_ids=job["user_ids"]),
    "presence_own": lambda job: presence_fanout.tell_oneself(user_id=job["user_id"]),
    "presence_between": lambda job: presence_fanout.notify_pair(user_ids=job["user_ids"]),
    "presence_guard": lambda job: presence_fanout.recheck(user_ids=job["user_ids"]),
    "hint": lambda job: service.resync_hint(_targets(job), turn=job.get("turn", 0)),
    erasure.JOB: lambda job: erasure.erase(conversation_id=job["conversation_id"], seq=job["seq"]),
    "close": lambda job: service.close_again(job["connection_ids"]),
    "typing_over": _typing_over,
    "receipts": lambda job: receipts.tell(conversation_id=job["conversation_id"], user_ids=job["user_ids"]),
}

handler = all_messages("realtime.fanout", _handle)
