"""Telling live sockets what was committed, each person what they may see."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from conversations import store, views
from conversations.entries import CONVERSATION_CREATED, CONVERSATION_UPDATED, MESSAGE_UPDATED, Entry
from conversations.model import Member, Place
from conversations.schemas import Event
from kernel import clock, telemetry
from realtime import service as realtime
from realtime.service import ToMembers

# Events whose `data` differs from person to person: the fan-out function renders them for whoever is live.
PERSONAL = frozenset({CONVERSATION_CREATED, CONVERSATION_UPDATED, MESSAGE_UPDATED})


def personal(entry: Entry, known: Sequence[Entry] = ()) -> bool:
    """Whether people see different things in an event: polls show each reader what they may know of the tally.

    An update of a message that is `known` to have neither reactions nor a poll looks the same to all.
    """
    if entry.type == MESSAGE_UPDATED:
        plain = {each.seq for each in known if each.poll is None and not any(each.reactions.values())}
        return entry.message_seq not in plain
    return entry.type in PERSONAL or entry.poll is not None


def frame(event: dict[str, Any]) -> str:
    """An event as a JSON text."""
    return Event.model_validate(event).model_dump_json()


def has_expired(frame: str) -> bool:
    """Whether a frame that waited shows a message whose time has come meanwhile (R26).

    Only what we say of a message counts: its metadata are its sender's, whatever they are called.
    """
    if '"expires_at":"' not in frame:
        return False
    about = json.loads(frame).get("data") or {}
    times = (each.get("expires_at") for each in (about, about.get("last_message") or {}))
    return any(clock.parse(at) <= clock.now() for at in times if at is not None)


def committed(place: Place, entries: Sequence[Entry], *, also: Sequence[str] = (), known: Sequence[Entry] = ()) -> None:
    """Publish events just committed to all members, and to people in `also` who are not members any more.

    `known` are the messages they are about as they are now, where the caller has them at hand.
    Never raises: the events are in the log, and whoever misses them on a socket sees the gap in `seq`.
    """
    if not entries:
        return
    try:
        _committed(place, entries, also, known)
    except Exception as error:  # a failure to tell must not turn a committed write into an error
        missed(place.conversation_id, error)


def missed(conversation_id: str, error: Exception) -> None:
    """Log that something could not be told; whoever missed it finds it in the log, or asks."""
    telemetry.logger().error("not published", exc_info=error, extra={"conversation_id": conversation_id})


def _committed(place: Place, entries: Sequence[Entry], also: Sequence[str], known: Sequence[Entry]) -> None:
    alike = [entry for entry in entries if not personal(entry, known)]
    roster = place.profile.roster
    if alike:
        frames = [frame(event) for event in views.events(place, alike, known)]
        at_once, by_members = [], []
        for entry, text in zip(alike, frames, strict=True):
            if roster is None or _is_hidden_from_some(entry, place):
                by_members.append(_to_members(entry, text))
            else:
                at_once.append(text)
        if by_members:
            realtime.publish_to_members(place.conversation_id, by_members)
        if roster is not None and at_once:
            realtime.publish(at_once, dict.fromkeys([*roster, *also]))
        elif also:
            realtime.publish(frames, also)
    seqs = [entry.seq for entry in entries if personal(entry, known)]
    if seqs:
        realtime.enqueue([{"kind": "personal", "conversation_id": place.conversation_id, "seq": seq} for seq in seqs])


def _is_hidden_from_some(entry: Entry, place: Place) -> bool:
    """Whether an event is about a message from before somebody may have joined: nobody did after `acl_seq`."""
    return (entry.message_seq or entry.seq) < min(entry.seq, place.head.acl_seq)


def _to_members(entry: Entry, text: str) -> ToMembers:
    about = entry.message_seq or entry.seq
    return ToMembers(entry.seq, text, about, frame(views.event(entry, None)) if about < entry.seq else text)


def to_admins(
    conversation_id: str,
    kind: str,
    data: Callable[[], Any],
    *,
    may_see: Callable[[Member], bool] = lambda _: True,
) -> None:
    """Publish something that is not in the log to the devices of those admins who may see it. Never raises."""
    try:
        told = [each.user_id for each in store.admins(conversation_id) if may_see(each)]
        realtime.publish([passing_frame(conversation_id, kind, data())], told)
    except Exception as error:  # it is a hint; the caller's own work is done
        missed(conversation_id, error)


def passing_frame(conversation_id: str, kind: str, data: Any) -> str:
    """The frame of what is not in the log."""
    at = clock.rfc3339(clock.now())
    return json.dumps({"type": kind, "conversation_id": conversation_id, "at": at, "data": data})


def passing(place: Place, kind: str, data: Any, *, to: Sequence[str] | None = None) -> None:
    """Publish something that is not in the log (typing, drafts) to all other members, or to `to`. Never raises."""
    text, me = passing_frame(place.conversation_id, kind, data), place.member.user_id
    try:
        if to is not None:
            realtime.publish([text], to)
        elif place.profile.roster is not None:
            realtime.publish([text], place.profile.roster, but=me)
        else:
            realtime.publish_to_members(place.conversation_id, [ToMembers(0, text, 0, text)], but=me)
    except Exception as error:  # it is a hint; the caller's own work is done
        missed(place.conversation_id, error)
