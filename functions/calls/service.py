"""Starting, joining, declining, leaving and ending calls; media state, leases, reading."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from calls import call_events, changing, ice, model, sfu, signal_store, store, views
from calls.changing import CallChange
from calls.errors import CallFull, NotInCall
from calls.model import Call
from calls.participant import LEASE_MS, Media, MediaState
from calls.settings import SFU_LIMIT, settings
from conversations import api as conversations
from conversations.api import require_id, require_member
from conversations.model import MemberContext
from kernel import clock, ids, telemetry, workflows
from kernel.caller import Caller
from kernel.errors import Conflict, DependencyUnavailable, NotFound
from kernel.telemetry import MetricUnit
from kernel.transactions import Transaction
from log import api as log
from log.model import MESSAGE_CREATED, NewEvent
from users import api as users

LIFECYCLE = "call-lifecycle"
_STALE_TRIES = 3
_MEETING_TRIES = 3  # the next meeting may have ended as well, if whoever opened it could not save it


def require_call(call_id: str, caller: Caller) -> tuple[Call, MemberContext]:
    """A stored call and the caller's context in its conversation.

    Raises NotFound, also for a call that ended before the caller joined the conversation.
    """
    call = store.find(call_id) if ids.is_id(call_id, "cal") else None
    if call is None:
        raise NotFound
    context = require_member(call.conversation_id, caller.user_id)
    if call.ended and call.message_seq < context.member.visible_from:
        raise NotFound
    return call, context


# --- starting -------------------------------------------------------------------------------------------------


def start(*, caller: Caller, conversation_id: str, client_id: str, media: Media) -> tuple[dict[str, Any], bool]:
    """Start a call that rings for the other members: the call and True, or the conversation's live call and False.

    A repeated client_id returns its first call and False. Raises Unprocessable if that was with other media, Forbidden
    and NotFound if the caller may not send, Conflict.
    """
    send = log.Send(f"call#{log.send_key(caller.user_id, client_id)}", media)
    for _ in range(_STALE_TRIES):
        repeated = False
        try:
            with log.replay_duplicate(send.key, partial(require_member, conversation_id, caller.user_id)):
                call, is_new = _start(caller, conversation_id, client_id, media, send)
        except log.DuplicateSend:
            call, is_new, repeated = _original_call(send, conversation_id), False, True
        if is_new:
            return views.call(call), True
        now = call.as_of(clock.now())
        if not now.ended or (call.ended and repeated):
            return views.call(now), False
        if not call.ended:
            changing.apply_timeouts(call)  # it has ended by a timeout that is not saved yet
    raise Conflict("Somebody changed this at the same time; try again.", retry_after_s=1)


def _start(caller: Caller, conversation_id: str, client_id: str, media: Media, send: log.Send) -> tuple[Call, bool]:
    """A new call and True, or the live call and False; raises `log.DuplicateSend` for a repeated client_id."""
    call_id = ids.new("cal")
    lifecycle_started = False
    made: list[Call] = []

    def plan(context: MemberContext) -> log.AppendPlan:
        nonlocal lifecycle_started
        context.require_send()
        if context.head.live_call is not None:
            if log.original_send(send.key) is not None:
                raise log.DuplicateSend
            return log.AppendPlan([])
        if not lifecycle_started:  # before the call is saved, so that no call is without it
            workflows.start(LIFECYCLE, call_id, {"call_id": call_id, "wait_s": model.RING_TIMEOUT_MS // clock.SECOND})
            lifecycle_started = True
        call = _new(caller, context, call_id, client_id, media)
        made.append(call)

        def stage(transaction: Transaction) -> None:
            store.stage_new(transaction, call)

        new = NewEvent(MESSAGE_CREATED, caller.user_id, views.message(call), send=send)
        return log.AppendPlan([new], stage, live_call=call_id)

    context, events = conversations.append(require_id(conversation_id), caller.user_id, plan)
    if events:
        call = made[-1]
        call_events.ring(context, call)
        conversations.publish_events(context, events)
        telemetry.count("CallsStarted")
        return call, True
    live = store.find(context.head.live_call or "")
    if live is None:
        raise NotFound
    return live, False


def _new(caller: Caller, context: MemberContext, call_id: str, client_id: str, media: Media) -> Call:
    others = _may_be_called(context)
    return model.begin(
        call_id=call_id,
        conversation_id=context.conversation_id,
        direct=context.info.kind == "direct",
        media=media,
        initiator_id=caller.user_id,
        session_id=caller.session_id,
        client_id=client_id,
        ringing=others,
        busy=store.in_another_call(others),
        message_id=ids.new_at("msg", context.next_seq),
        message_seq=context.next_seq,
        now=clock.now(),
    )


def _may_be_called(context: MemberContext) -> list[str]:
    """The other members for whom a call rings, in the order of the list; none of a group that keeps no list.

    In groups the blocks themselves are read, because their copies in the memberships follow with a delay.
    """
    me = context.member
    others = [each for each in context.info.member_ids or () if each != me.user_id and me.receives("ring", each)]
    if context.info.kind == "direct" or not others:
        return others
    unblocked = users.receivers("ring", me.user_id, others)
    return [each for each in others if each in unblocked]


def _original_call(send: log.Send, conversation_id: str) -> Call:
    message = log.original_event(send, conversation_id, noun="call")
    call = store.find(message.data["metadata"]["call_id"])
    if call is None:
        raise NotFound
    return call


# --- participating --------------------------------------------------------------------------------------------


def join(*, caller: Caller, call_id: str) -> dict[str, Any]:
    """Answer, join or rejoin; the first device of a person gets the call.

    Raises NotFound, Forbidden, CallEnded, AnsweredElsewhere, and CallFull for a full mesh without an SFU. Calls of
    encrypted conversations stay a mesh, since an SFU receives media that clients have not encrypted for each other.
    """
    call, context = require_call(call_id, caller)
    context.require_not_blocked()
    if call.topology == "sfu":
        context.require_plain()  # encryption was switched on during the call
    servers = ice.servers(caller.user_id)  # before joining, because it may raise
    was = call.participant(caller.user_id)
    last_signal = signal_store.last(call.id, was.participant_id) if was is not None and was.order else 0

    def answer(now: Call) -> Call:
        limit = settings().mesh_limit if now.topology == "mesh" else SFU_LIMIT
        return now.join(caller.user_id, caller.session_id, clock.now(), limit=limit)

    try:
        made = changing.change(call, answer, actor_id=caller.user_id, joining=True)
    except CallFull:
        if context.info.settings.encrypted:
            raise
        made = _join_through_sfu(call, caller)
    _publish_joined(made, caller)
    after, admission = _admitted(made.after, caller)
    mine = after.require_joined(caller.user_id, caller.session_id)
    return {
        "call": views.call(after),
        "participant_id": mine.participant_id,
        "ice_servers": servers,
        "peers": after.peers(mine) if after.topology == "mesh" else [],
        "polite_towards": after.polite_towards(mine),
        "last_signal": last_signal if was is not None and was.participant_id == mine.participant_id else 0,
        "sfu": admission,
    }


def _join_through_sfu(call: Call, caller: Caller) -> CallChange:
    meeting = sfu.meeting_for(call) if call.topology == "mesh" else None
    if meeting is None:
        raise CallFull

    def move_and_join(now: Call) -> Call:
        moved = now if now.topology == "sfu" else now.with_sfu(meeting)
        return moved.join(caller.user_id, caller.session_id, clock.now(), limit=SFU_LIMIT)

    return changing.change(call, move_and_join, actor_id=caller.user_id, joining=True)


def _admitted(call: Call, caller: Caller) -> tuple[Call, dict[str, Any] | None]:
    """The call, and what the SFU's client of somebody who has joined needs: for the call's next meeting if the SFU has
    ended the present one. Raises DependencyUnavailable."""
    for _ in range(_MEETING_TRIES):
        mine = call.require_joined(caller.user_id, caller.session_id)
        try:
            return call, sfu.admission(call, mine)
        except sfu.MeetingEnded:
            move = partial(Call.with_next_meeting, ended=call.meeting, following=sfu.meeting_for(call))
        call = changing.change(call, move, actor_id=caller.user_id).after
    raise DependencyUnavailable


def _publish_joined(made: CallChange, caller: Caller) -> None:
    after = made.after
    was, mine = made.before.participant(caller.user_id), after.require_joined(caller.user_id, caller.session_id)
    if was is not None and was.joined and was.participant_id == mine.participant_id:
        return  # a repeated request of the same device
    call_events.publish_change(after)
    call_events.publish_answered_elsewhere(after, caller.user_id, caller.session_id)
    telemetry.count("CallsJoined")
    if after.answered_at is not None and after.answered_at == mine.joined_at:  # this participant answered the call
        telemetry.count("CallsAnswered")
        telemetry.count("CallAnswerTime", after.answered_at - after.created_at, MetricUnit.Milliseconds)


def decline(*, caller: Caller, call_id: str) -> dict[str, Any]:
    """Decline the call; it ends when it rings for nobody any more."""
    return _apply(caller, call_id, lambda it, _: it.decline(caller.user_id, caller.session_id, clock.now()))


def leave(*, caller: Caller, call_id: str) -> dict[str, Any]:
    """Hang up; the last one to leave ends the call."""
    return _apply(caller, call_id, lambda it, _: it.leave(caller.user_id, caller.session_id, clock.now()))


def end(*, caller: Caller, call_id: str) -> dict[str, Any]:
    """End the call for everybody."""
    return _apply(
        caller, call_id, lambda it, context: it.end(caller.user_id, clock.now(), is_admin=context.member.is_admin)
    )


def set_media(*, caller: Caller, call_id: str, media: MediaState) -> dict[str, Any]:
    """Set the caller's media state."""

    def step(call: Call, context: MemberContext) -> Call:
        context.require_not_blocked()
        return call.set_media(call.require_joined(caller.user_id, caller.session_id), media, clock.now())

    return _apply(caller, call_id, step)


def _apply(caller: Caller, call_id: str, step: Callable[[Call, MemberContext], Call]) -> dict[str, Any]:
    call, context = require_call(call_id, caller)
    made = changing.change(call, lambda it: step(it, context), actor_id=caller.user_id)
    view = views.call(made.after)
    if view != views.call(made.before):  # not if the lease alone was renewed, or another request has done it
        call_events.publish_change(made.after)
    return view


def heartbeat(*, caller: Caller, call_id: str) -> dict[str, Any]:
    """Renew the caller's lease for 45 s; raises NotFound, CallEnded, NotInCall, AnsweredElsewhere."""
    call, context = require_call(call_id, caller)
    context.require_not_blocked()
    now = call.as_of(clock.now())
    now.require_joined(caller.user_id, caller.session_id)
    if not store.renew(now, caller.user_id, clock.now() + LEASE_MS):
        raise NotInCall
    return views.call(now)


# --- reading --------------------------------------------------------------------------------------------------


def get(*, caller: Caller, call_id: str) -> dict[str, Any]:
    call, _ = require_call(call_id, caller)
    return views.call(call.as_of(clock.now()))


def live(call_ids: list[str]) -> list[dict[str, Any]]:
    """The live calls among these ids, for `sync`, whose caller has access to them."""
    now = clock.now()
    return [views.call(call) for call in (each.as_of(now) for each in store.find_all(call_ids)) if not call.ended]


def ringing_for(call_id: str) -> set[str]:
    """The people for whom a call is ringing now."""
    call = store.find(call_id)
    now = None if call is None else call.as_of(clock.now())
    if now is None or now.ended:
        return set()
    return {each.user_id for each in now.participants if each.state == "ringing"}
