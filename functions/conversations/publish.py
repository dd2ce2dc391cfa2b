"""Publishing committed events and ephemeral frames to live sockets, to each person what they may see."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from conversations import store, views
from conversations.model import Member, MemberContext
from kernel import clock, telemetry
from log import api as log
from log.api import event_view
from log.model import Event
from log.schemas import frame
from realtime import api as realtime
from realtime.api import NO_EXTRA, NONE_KNOWN, Connection, ExtraFrames, ToMembers
from users.model import NoticeKind


def publish_events(
    context: MemberContext,
    events: Sequence[Event],
    *,
    also: Sequence[str] = (),
    preloaded: Sequence[Event] = (),
    extra: ExtraFrames = NO_EXTRA,
    sockets: Mapping[str, Sequence[Connection]] = NONE_KNOWN,
) -> None:
    """Publish committed events to all members, and to the former members in `also`.

    `preloaded` are the present messages the events are about, where the caller has read them. `extra` frames are sent
    with the events that are the same for all. `sockets` are those of some people as they were before the commit. Never
    raises: a client that misses events sees the gap in `seq`.
    """
    if not events:
        return
    with hint(context.conversation_id):  # the write is committed, so that the call has succeeded
        _publish_events(context, events, also, preloaded, extra, sockets)


def hint(conversation_id: str) -> AbstractContextManager[None]:
    """Log a failure to publish and go on; clients find the events in the conversation's log."""
    return telemetry.best_effort("not published", conversation_id=conversation_id)


def _publish_events(
    context: MemberContext,
    events: Sequence[Event],
    also: Sequence[str],
    preloaded: Sequence[Event],
    extra: ExtraFrames,
    sockets: Mapping[str, Sequence[Connection]],
) -> None:
    shared = [event for event in events if not _differs(event, preloaded)]
    member_ids = context.info.member_ids
    if shared:
        texts = [frame(event) for event in views.event_views(context, shared, preloaded)]
        at_once, by_members = [], []
        for event, text in zip(shared, texts, strict=True):
            if member_ids is None or _is_hidden_from_some(event, context):
                by_members.append(_to_members(event, text))
            else:
                at_once.append(text)
        if by_members:
            realtime.publish_to_members(context.conversation_id, by_members, extra=extra)
        if member_ids is not None and at_once:
            realtime.publish(at_once, dict.fromkeys([*member_ids, *also]), extra=extra, sockets=sockets)
        elif also:
            realtime.publish(texts, also)
    seqs = [event.seq for event in events if _differs(event, preloaded)]
    if seqs:
        realtime.enqueue([{"kind": "personal", "conversation_id": context.conversation_id, "seq": seq} for seq in seqs])


def publish_extra(context: MemberContext, extra: ExtraFrames) -> None:
    """Publish extra frames alone, when another writer has published the events. Never raises."""
    member_ids = context.info.member_ids
    with hint(context.conversation_id):
        texts = realtime.made(extra)
        if texts and member_ids is not None:
            realtime.publish(texts, [each for each in member_ids if extra.is_for(each)])
        elif texts:
            alone = [ToMembers(0, text, 0, text, what=extra.what, of=extra.of) for text in texts]
            realtime.publish_to_members(context.conversation_id, alone, but=extra.of)


def _differs(event: Event, preloaded: Sequence[Event]) -> bool:
    return log.event_type(event.type).is_viewer_specific(event, preloaded)


def frames_for(conversation_id: str, seqs: Sequence[int], to: Sequence[Member]) -> dict[str, list[str]]:
    """Viewer-specific events as frames, by member id."""
    events = list(log.events_at((conversation_id, seq) for seq in seqs).values())
    return {user_id: [frame(event) for event in seen] for user_id, seen in views.for_members(events, to).items()}


def _is_hidden_from_some(event: Event, context: MemberContext) -> bool:
    """Whether an event is about a message older than the last change of access, as a member may have joined since."""
    return (event.message_seq or event.seq) < min(event.seq, context.head.access_seq)


def _to_members(event: Event, text: str) -> ToMembers:
    about = event.message_seq or event.seq
    return ToMembers(event.seq, text, about, frame(event_view(event, None)) if about < event.seq else text)


def publish_to_admins(
    conversation_id: str,
    kind: str,
    data: Callable[[], Any],
    *,
    may_see: Callable[[Member], bool] = lambda _: True,
) -> None:
    """Publish an ephemeral frame to the devices of the admins who may see it. Never raises."""
    with hint(conversation_id):
        recipients = [each.user_id for each in store.admins(conversation_id) if may_see(each)]
        realtime.publish([ephemeral_frame(conversation_id, kind, data())], recipients)


def ephemeral_frame(conversation_id: str, kind: str, data: Any) -> str:
    """A frame (JSON) about a conversation that is not in its log."""
    at = clock.rfc3339(clock.now())
    return json.dumps({"type": kind, "conversation_id": conversation_id, "at": at, "data": data})


def publish_ephemeral(
    context: MemberContext, kind: str, data: Any, *, what: NoticeKind = "message", to: Sequence[str] | None = None
) -> None:
    """Publish an ephemeral frame (typing, drafts) to the people in `to`, by default to all other members who receive
    notices of the kind `what` from the member of `context`. Never raises."""
    text, me = ephemeral_frame(context.conversation_id, kind, data), context.member
    with hint(context.conversation_id):
        if to is not None:
            realtime.publish([text], to)
        elif context.info.member_ids is not None:
            hearing = [each for each in context.info.member_ids if me.receives(what, each)]
            realtime.publish([text], hearing, but=me.user_id)
        else:
            to_all = ToMembers(0, text, 0, text, what=what, of=me.user_id)
            realtime.publish_to_members(context.conversation_id, [to_all], but=me.user_id)
