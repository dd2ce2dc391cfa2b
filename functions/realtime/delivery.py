"""Delivering frames to live sockets. It is best effort: the log is the source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kernel import clock, queues, telemetry
from kernel import sockets as management
from kernel.config import config
from kernel.sockets import MAX_FRAME_BYTES, MAX_POST_BYTES, Posted
from realtime import store
from realtime.frames import age_ms, ephemeral, event_of
from realtime.jobs import queue_of
from realtime.store import NONE_KNOWN, Ask, Connection, Target

INLINE_CONNECTIONS = 10  # with more sockets, the fan-out function posts, so that the sender does not wait
CHUNK_CONNECTIONS = 100
# A slow socket is suspended, and gets a resync hint after 2, 4, 8 … 64 s, until it takes one.
SYNC_HINT_DELAY_S = 2
SYNC_HINT_DELAY_MAX_S = 64
SLOW_GRACE_MS = 30 * clock.SECOND  # for which it stays suspended beyond the time of the hint


@dataclass(frozen=True, slots=True)
class ExtraFrames:
    """Frames that are sent with others to the recipients of notices of the kind `what` of the person `of`, except that
    person. `ask` adds a command to a round trip of Redis; `frames` makes them of its answer, None without Redis."""

    ask: Ask | None
    frames: Callable[[Any], Sequence[str]]
    what: str
    of: str
    is_for: Callable[[str], bool]


NO_EXTRA = ExtraFrames(None, lambda _: (), "message", "", lambda _: False)


def publish(
    frames: Sequence[str],
    user_ids: Iterable[str],
    *,
    but: str = "",
    extra: ExtraFrames = NO_EXTRA,
    sockets: Mapping[str, Sequence[Connection]] = NONE_KNOWN,
) -> None:
    """Deliver frames (JSON texts) to people, except `but`: up to 10 sockets directly, more by the fan-out function.

    `sockets` are those of some people as they were before the events of the frames were committed.
    """
    people = [user_id for user_id in user_ids if user_id != but]
    found, answer = store.receiving_connections(people, sockets, extra.ask)
    live, more = reachable(found), extra.frames(answer)
    theirs = [each for each in live if more and extra.is_for(each.user_id)]
    if len(live) <= INLINE_CONNECTIONS:
        deliver({each.target: [*frames, *more] if each in theirs else frames for each in live})
    else:
        enqueue([*jobs_for(live, frames), *(jobs_for(theirs, more) if theirs else ())])


def made(extra: ExtraFrames) -> Sequence[str]:
    """Extra frames, for which Redis is asked alone."""
    return extra.frames(store.asked(extra.ask))


def reachable(live: Iterable[Connection]) -> list[Connection]:
    """The sockets that are not suspended; suspended ones get a resync hint later (R10)."""
    return [each for each in live if not each.is_slow]


def publish_to_sessions(frames: Sequence[str], user_id: str, *, only: str = "", but: str = "") -> None:
    """Deliver frames to one person's sockets: those of the session `only`, or all except those of the session `but`."""
    live = reachable(store.connections_of([user_id]))
    deliver({each.target: frames for each in live if only in ("", each.session_id) and each.session_id != but})


@dataclass(frozen=True, slots=True)
class ToMembers:
    """A frame for all members of a conversation; `seq` is 0 for ephemeral frames.

    Members who joined after `seq` get nothing; those who joined after the seq `about` of its message get the `hidden`
    frame instead; those who do not receive notices of the kind `what` of the member `of` get nothing.
    """

    seq: int
    frame: str
    about: int
    hidden: str
    what: str = "message"
    of: str | None = None


def publish_to_members(
    conversation_id: str, frames: Iterable[ToMembers], *, but: str = "", extra: ExtraFrames = NO_EXTRA
) -> None:
    """Enqueue frames for all members of a conversation, except `but`."""
    jobs = [_to_members(conversation_id, each, but) for each in frames]
    others = [ToMembers(0, text, 0, text, what=extra.what, of=extra.of) for text in made(extra)]
    enqueue([*jobs, *(_to_members(conversation_id, each, extra.of) for each in others)])


def _to_members(conversation_id: str, it: ToMembers, but: str) -> dict[str, Any]:
    return {
        "kind": "members",
        "conversation_id": conversation_id,
        "frames": [it.frame],
        "seq": it.seq,
        "but": but,
        **({"about": it.about, "hidden": [it.hidden]} if it.about < it.seq else {}),
        **({} if it.of is None else {"what": it.what, "of": it.of}),
    }


def enqueue(jobs: Sequence[dict[str, Any]], *, delay_s: int = 0) -> None:
    """Put jobs into the queues of their kinds (realtime.jobs)."""
    import realtime.events  # noqa: F401 - the kinds of this domain, imported only when there are jobs

    by_queue: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for job in jobs:
        by_queue[queue_of(job)].append(job)
    for queue, waiting in by_queue.items():
        queues.send(config().queue(queue), waiting, delay_s=delay_s)


def jobs_for(live: Sequence[Connection], frames: Sequence[str]) -> list[dict[str, Any]]:
    """Fan-out jobs of up to 100 sockets each."""
    return [
        {
            "kind": "connections",
            "frames": list(frames),
            "targets": [each.target for each in live[start : start + CHUNK_CONNECTIONS]],
        }
        for start in range(0, len(live), CHUNK_CONNECTIONS)
    ]


def deliver(frames: Mapping[Target, Sequence[str]]) -> None:
    """Post frames to sockets, packed. Entries of gone sockets are removed; slow ones get a resync hint later.

    A socket that seems gone within seconds of its $connect also gets a hint: its handshake may not be complete.
    """
    posted = _post(frames)
    _count(frames, posted)
    _schedule_resync_hint(posted, turn=0)


def _count(frames: Mapping[Target, Sequence[str]], posted: Mapping[Target, Posted]) -> None:
    """Count the delivered frames, and measure the age of the oldest event among them."""
    told = [texts for target, texts in frames.items() if posted[target] is Posted.DELIVERED]
    if not told:
        return
    telemetry.total("FramesDelivered", sum(len(texts) for texts in told))
    for text in {text for texts in told for text in texts}:
        if (event := event_of(text)) is not None:
            telemetry.traced(event)
    ages = [age for text in {texts[0] for texts in told if texts} if (age := age_ms(text)) is not None]
    if ages:
        telemetry.timed("DeliveryDelay", max(ages))


def resync_hint(targets: Iterable[Target], *, turn: int) -> None:
    """Send resync hints to slow sockets, for the `turn`th time; delivery to those that take one is resumed."""
    posted = _post({target: [_resync_frame()] for target in targets})
    _schedule_resync_hint(posted, turn=turn + 1)
    took = [target for target, outcome in posted.items() if outcome is Posted.DELIVERED]
    back = [target for target in took if store.resume(*target)]
    _post({target: [_resync_frame()] for target in back})  # for what was not posted between the first hint and now


def _schedule_resync_hint(posted: Mapping[Target, Posted], *, turn: int) -> None:
    """Enqueue resync hints for the sockets that a post did not reach; slow ones are suspended until then."""
    missed = [target for target, outcome in posted.items() if outcome in (Posted.LATE, Posted.YOUNG)]
    if not missed:
        return
    delay_s = min(SYNC_HINT_DELAY_MAX_S, SYNC_HINT_DELAY_S << turn)
    enqueue([{"kind": "hint", "targets": missed, "turn": turn}], delay_s=delay_s)
    for target in missed:
        if posted[target] is Posted.LATE:
            telemetry.total("SocketsLate")
            store.suspend(*target, clock.now() + delay_s * clock.SECOND + SLOW_GRACE_MS)


def _post(frames: Mapping[Target, Sequence[str]]) -> dict[Target, Posted]:
    """Post to sockets, for each until a post fails, and remove the entries of gone ones."""
    posted_to = management.post_all({connection_id: pack(texts) for (_, connection_id), texts in frames.items()})
    outcomes = {target: posted_to[target[1]] for target in frames}
    for target, posted in outcomes.items():
        if posted is Posted.GONE:
            left = store.remove_gone(*target)
            if left is None:
                outcomes[target] = Posted.YOUNG
                continue
            telemetry.total("SocketsGone")
            if not left.present:
                enqueue([{"kind": "gone", "user_id": target[0]}])
    return outcomes


def pack(frames: Iterable[str]) -> list[bytes]:
    """Posts for one socket: batches of frames of at most 32 KB, larger frames alone, up to 128 KB.

    A frame above 128 KB is dropped: the client sees the gap in `seq` and reads the event over HTTP.
    """
    posts: list[bytes] = []
    batch: list[str] = []
    size = 0
    envelope = len('{"type":"batch","events":[]}')
    for frame in frames:
        length = len(frame.encode())
        if length > MAX_POST_BYTES:
            continue
        length += 1  # a comma
        if batch and size + length + envelope > MAX_FRAME_BYTES:
            posts.append(_pack(batch))
            batch, size = [], 0
        batch.append(frame)
        size += length
    if batch:
        posts.append(_pack(batch))
    return posts


def _pack(batch: Sequence[str]) -> bytes:
    text = batch[0] if len(batch) == 1 else '{"type":"batch","events":[' + ",".join(batch) + "]}"
    return text.encode()


def _resync_frame() -> str:
    """The resync hint: a pong with `behind` null, after the socket was too slow for a frame."""
    return ephemeral("pong", {"behind": None})
