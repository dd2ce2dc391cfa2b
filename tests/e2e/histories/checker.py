"""Judges a history by its evidence. Pure: no I/O, no clock; every violation it can report has a test of its own.

The log is the reference, and is itself checked: dense, with every acknowledged write in it once. The part of it that a
person may see follows from the membership events in it, so a device is judged by the log alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tests.e2e.histories.evidence import (
    NEVER,
    Device,
    Evidence,
    Logged,
    Marked,
    Message,
    Out,
    Restarted,
    Room,
    Write,
)

CREATED, UPDATED, DELETED = "message.created", "message.updated", "message.deleted"
REACTED, UNREACTED = "reaction.added", "reaction.removed"
JOINED, LEFT = "member.added", "member.removed"


@dataclass(frozen=True, slots=True)
class Span:
    """A person's stay in a conversation: the first and the last seq that they may see."""

    first: int
    last: float

    def __contains__(self, seq: int) -> bool:
        return self.first <= seq <= self.last


def violations(evidence: Evidence) -> list[str]:
    """All violations, in words; empty for a correct history."""
    found = [*evidence.troubles]
    for room in evidence.rooms.values():
        writes = [each for each in evidence.writes if each.conversation_id == room.id]
        found += _density(room)
        found += _membership(room, writes)
        found += _sends(room, writes)
        found += _commit_order(room, writes)
        found += _changes(room, writes, evidence)
        found += _reactions(room, writes, evidence)
        found += _markers(room, [each for each in evidence.marked if each.conversation_id == room.id], writes)
        found += _unread(room)
        found += _peeks(room, evidence, writes)
        for device in evidence.devices:
            found += _deliveries(room, device)
            found += _heard(room, device)
            found += _outbox_order(room, device)
            found += _state(room, device)
    return found


# --- the log --------------------------------------------------------------------------------------------------


def _density(room: Room) -> Iterator[str]:
    seqs = [event.seq for event in room.log]
    if seqs != list(range(1, len(seqs) + 1)):
        yield f"{room.id}: the log is not 1..{len(seqs)}: {seqs}"


def stays(room: Room, user_id: str) -> list[Span]:
    """A person's stays in a conversation, by its log."""
    found: list[Span] = []
    since: int | None = 1 if user_id in room.founders else None
    for event in room.log:
        if event.about != user_id:
            continue
        if event.type == JOINED and since is None:
            since = 1 if room.history_visible else event.seq
        elif event.type == LEFT and since is not None:
            found.append(Span(since, event.seq))
            since = None
    if since is not None:
        found.append(Span(since, NEVER))
    return found


def is_member(room: Room, user_id: str) -> bool:
    """Whether a person is a member at the end of the log."""
    spans = stays(room, user_id)
    return bool(spans) and spans[-1].last == NEVER


def _membership(room: Room, writes: list[Write]) -> Iterator[str]:
    inside = set(room.founders)
    for event in room.log:
        if event.type == JOINED:
            if event.about in inside:
                yield f"{room.id}: {event.about} joined twice, at {event.seq}"
            inside.add(event.about)
        elif event.type == LEFT:
            if event.about not in inside:
                yield f"{room.id}: {event.about} left without being there, at {event.seq}"
            inside.discard(event.about)
    for kind, type_ in (("add", JOINED), ("remove", LEFT)):
        granted = Counter(each.about for each in writes if each.kind == kind and each.acknowledged)
        logged = Counter(event.about for event in room.log if event.type == type_)
        for user_id, times in (granted - logged).items():
            yield f"{room.id}: {kind} of {user_id} was acknowledged {times} times more often than it is in the log"


def _sends(room: Room, writes: list[Write]) -> Iterator[str]:
    logged: dict[tuple[str, str], list[Logged]] = defaultdict(list)
    for event in room.log:
        if event.type == CREATED:
            logged[event.actor_id, event.client_id].append(event)
    tried: dict[tuple[str, str], list[Write]] = defaultdict(list)
    for each in writes:
        if each.kind == "send":
            tried[each.user_id, each.client_id].append(each)
    for key, events in logged.items():
        if len(events) > 1:
            yield f"{room.id}: {key} is in the log {len(events)} times, at {[event.seq for event in events]}"
        if key not in tried:
            yield f"{room.id}: {key} is in the log at {events[0].seq} and was never sent"
    for key, tries in tried.items():
        answers = {(each.about, each.seq) for each in tries if each.acknowledged}
        if len(answers) > 1:
            yield f"{room.id}: {key} was answered with different messages: {sorted(answers)}"
        if answers and not {(event.about, event.seq) for event in logged[key]} >= answers:
            yield f"{room.id}: {key} was acknowledged as {sorted(answers)} and is not there in the log"


def _commit_order(room: Room, writes: list[Write]) -> Iterator[str]:
    """A write that was acknowledged before another was requested is before it in the log."""
    first: dict[tuple[str, str], Write] = {}
    for each in sorted(writes, key=lambda each: each.ended):
        if each.kind == "send" and each.acknowledged:
            first.setdefault((each.user_id, each.client_id), each)
    began: dict[tuple[str, str], float] = {}
    for each in writes:
        if each.kind == "send":
            key = (each.user_id, each.client_id)
            began[key] = min(began.get(key, NEVER), each.began)
    ends = sorted(first.values(), key=lambda each: each.ended)
    highest, position = 0, 0
    for each in sorted(first.values(), key=lambda each: began[each.user_id, each.client_id]):
        while position < len(ends) and ends[position].ended < began[each.user_id, each.client_id]:
            highest = max(highest, ends[position].seq)
            position += 1
        if each.seq <= highest:
            yield f"{room.id}: {each.client_id} has seq {each.seq}, but {highest} was acknowledged before it was sent"


def _changes(room: Room, writes: list[Write], evidence: Evidence) -> Iterator[str]:
    """Edits and deletions: each acknowledged one is in the log, and none that nobody requested."""
    for kind, type_ in (("edit", UPDATED), ("delete", DELETED)):
        logged = Counter((event.actor_id, event.about) for event in room.log if event.type == type_)
        for (user_id, about), times in logged.items():
            if times > evidence.tries[kind, user_id, about, ""]:
                yield f"{room.id}: {times} {type_} of {about} by {user_id}, who did not ask so often"
        granted = Counter((each.user_id, each.about) for each in writes if each.kind == kind and each.acknowledged)
        if kind == "edit":
            for (user_id, about), times in (granted - logged).items():
                yield f"{room.id}: {times} acknowledged edits of {about} by {user_id} are not in the log"
        else:
            deletions = Counter(event.about for event in room.log if event.type == DELETED)
            for about in {about for _, about in granted} | deletions.keys():
                if deletions[about] != 1:
                    yield f"{room.id}: {about} was deleted, which is in the log {deletions[about]} times"
    gone = {event.about for event in room.log if event.type == DELETED}
    for about, message in _messages(room).items():
        if (about in gone) != message.deleted:
            yield f"{room.id}: {about} is deleted only in the {'log' if about in gone else 'list'}"
        if not message.deleted:
            yield from _text(room, message, writes)


def _text(room: Room, message: Message, writes: list[Write]) -> Iterator[str]:
    """The text is that of an edit after which no other acknowledged edit was requested, or else the original."""
    edits = [each for each in writes if each.kind == "edit" and each.about == message.id]
    latest = max((each.began for each in edits if each.acknowledged), default=None)
    possible = {each.text for each in edits if latest is None or each.over >= latest}
    if latest is None:
        possible |= {each.text for each in writes if each.kind == "send" and each.client_id == message.client_id}
    if message.text not in possible:
        yield f"{room.id}: {message.id} says {message.text!r}, which is none of {sorted(possible)}"


def _reactions(room: Room, writes: list[Write], evidence: Evidence) -> Iterator[str]:
    present: dict[tuple[str, str, str], bool] = {}
    times: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for event in room.log:
        if event.type not in (REACTED, UNREACTED):
            continue
        key = (event.about, event.actor_id, event.emoji)
        added = event.type == REACTED
        if present.get(key, False) == added:
            yield f"{room.id}: {event.type} {key} at {event.seq} changes nothing"
        present[key] = added
        times["react" if added else "unreact", event.actor_id, event.about, event.emoji] += 1
    for tried, count in times.items():
        if count > evidence.tries[tried]:
            yield f"{room.id}: {count} {tried}, asked for {evidence.tries[tried]} times"
    messages = _messages(room)
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (about, _, emoji), there in present.items():
        counts[about][emoji] += there
    for about, message in messages.items():
        shown = {emoji: count for emoji, count in message.reactions.items() if count}
        expected = {} if message.deleted else {emoji: count for emoji, count in counts[about].items() if count}
        if shown != expected:
            yield f"{room.id}: {about} shows reactions {shown}, the log says {expected}"
    yield from _wishes(room, writes, present, messages)


def _wishes(
    room: Room, writes: list[Write], present: dict[tuple[str, str, str], bool], messages: dict[str, Message]
) -> Iterator[str]:
    """A person's last acknowledged change of a reaction holds, unless another may have followed."""
    wishes: dict[tuple[str, str, str], list[Write]] = defaultdict(list)
    for each in writes:
        if each.kind in ("react", "unreact"):
            wishes[each.about, each.user_id, each.emoji].append(each)
    for key, asked in wishes.items():
        message = messages.get(key[0])
        if message is None or message.deleted:
            continue
        for wanted in ("react", "unreact"):
            granted = max((each.began for each in asked if each.kind == wanted and each.acknowledged), default=None)
            against = [each for each in asked if each.kind != wanted and granted is not None and each.over >= granted]
            if granted is not None and not against and present.get(key, False) != (wanted == "react"):
                yield f"{room.id}: {wanted} {key} was acknowledged and does not hold"


def _messages(room: Room) -> dict[str, Message]:
    """All messages as shown to a member who was there all the time."""
    for user_id, seen in room.seen.items():
        if stays(room, user_id) == [Span(1, NEVER)]:
            return {message.id: message for message in seen.messages}
    return {}


# --- what a person sees ---------------------------------------------------------------------------------------


def _markers(room: Room, marked: list[Marked], writes: list[Write]) -> Iterator[str]:
    """Read markers move as acknowledged, never back, and only by their owner."""
    end = room.log[-1].seq if room.log else 0
    for each in marked:
        if each.ended == NEVER:
            continue
        who = f"{room.id}: the marker of {each.user_id}"
        if each.read_seq < each.asked <= end:
            yield f"{who} was to be {each.asked} and became {each.read_seq}"
        if any(out.kind == "remove" and out.about == each.user_id and out.ended >= each.began for out in writes):
            continue  # each stay begins with a new marker
        for later in marked:
            after = later.user_id == each.user_id and each.ended < later.began and later.ended != NEVER
            if after and later.read_seq < each.read_seq:
                yield f"{who} moved back from {each.read_seq} to {later.read_seq}"
        seen = room.seen.get(each.user_id)
        if seen is not None and seen.read_seq < each.read_seq:
            yield f"{who} was {each.read_seq} and ended at {seen.read_seq}"
    for user_id, seen in room.seen.items():
        highest = max((min(each.asked, end) for each in marked if each.user_id == user_id), default=0)
        if seen.read_seq > highest:
            yield f"{room.id}: the marker of {user_id} is {seen.read_seq}, which was never asked for"


def _unread(room: Room) -> Iterator[str]:
    for user_id, seen in room.seen.items():
        others = [each for each in seen.messages if each.sender_id != user_id and not each.deleted]
        recount = sum(each.seq > seen.read_seq for each in others)
        if seen.unread_count != recount:
            yield f"{room.id}: {user_id} has {seen.unread_count} unread, a recount says {recount}"


def _peeks(room: Room, evidence: Evidence, writes: list[Write]) -> Iterator[str]:
    """Nobody reads events outside their stays, and nothing at all between a removal and the next stay."""
    for each in evidence.peeked:
        if each.conversation_id != room.id:
            continue
        spans = stays(room, each.user_id)
        if each.seqs is not None:
            beyond = [seq for seq in each.seqs if not any(seq in span for span in spans)]
            if beyond:
                yield f"{room.id}: {each.user_id} read {beyond} outside of {spans}"
            if any(b - a != 1 for a, b in zip(each.seqs, each.seqs[1:], strict=False)):
                yield f"{room.id}: {each.user_id} was shown a log with holes: {each.seqs}"
        removed = max(
            (w.ended for w in writes if w.kind == "remove" and w.about == each.user_id and w.ended < each.began),
            default=None,
        )
        returned = any(w.kind == "add" and w.about == each.user_id and w.ended >= (removed or 0.0) for w in writes)
        if removed is not None and not returned and each.seqs is not None:
            yield f"{room.id}: {each.user_id} read the log after the removal was acknowledged"


# --- what a device got ----------------------------------------------------------------------------------------


def _deliveries(room: Room, device: Device) -> Iterator[str]:
    """A device gets the part of the log that its person may see: from its start, in order, no gaps, no repetitions."""
    where = f"{room.id} on {device.name}"
    ahead = stays(room, device.user_id)
    span: Span | None = None
    last = 0
    crashed = False
    for step in device.steps:
        if isinstance(step, Restarted):
            crashed = step.crashed
        elif step.conversation_id != room.id:
            continue
        elif isinstance(step, Out):
            span, crashed = None, False
        else:
            seq = step.seq
            again = crashed and seq <= last
            if span is None:
                begins = [each for each in ahead if each.first == seq or (again and seq in each)]
            elif seq == last + 1 or again:
                # a later stay continues an earlier one only if the whole history is visible
                begins = [each for each in (span, *(ahead if room.history_visible else [])) if seq in each]
            else:
                yield f"{where}: {'again' if seq <= last else 'skipped to'} {seq} after {last}"
                return
            if not begins:
                yield f"{where}: got {seq} after {last}, of the stays {stays(room, device.user_id)}"
                return
            if begins[0] in ahead:
                ahead = ahead[ahead.index(begins[0]) + 1 :]
            span, last, crashed = begins[0], seq, False
    end = room.log[-1].seq if room.log else 0
    if not is_member(room, device.user_id):
        if span is not None:
            yield f"{where}: does not know that {device.user_id} is out"
    elif span is None or last != end:
        yield f"{where}: ended at {last if span else None}, the log at {end}"


def _heard(room: Room, device: Device) -> Iterator[str]:
    """No frame, not even one that the client would ignore, has an event outside of a stay."""
    spans = stays(room, device.user_id)
    leaked = sorted(
        seq
        for conversation_id, seq in device.heard
        if conversation_id == room.id and not any(seq in span for span in spans)
    )
    if leaked:
        yield f"{room.id} on {device.name}: frames of {leaked}, outside of {spans}"


def _outbox_order(room: Room, device: Device) -> Iterator[str]:
    seqs = {event.client_id: event.seq for event in room.log if event.type == CREATED}
    sent = [seqs[each] for each in device.sent_in_order.get(room.id, []) if each in seqs]
    if sent != sorted(sent):
        yield f"{room.id} on {device.name}: the outbox sent out of order: {sent}"


def _state(room: Room, device: Device) -> Iterator[str]:
    """The messages that the device made from its events equal the list of messages."""
    seen = room.seen.get(device.user_id)
    if seen is None or not is_member(room, device.user_id):
        return
    made = device.states.get(room.id, ())
    if made == seen.shown:
        return
    for ours, theirs in zip(made, seen.shown, strict=False):
        if ours != theirs:
            yield f"{room.id} on {device.name}: the state is {ours}, the list shows {theirs}"
            return
    yield f"{room.id} on {device.name}: {len(made)} messages, the list shows {len(seen.shown)}"
