"""Receipts: the seqs up to which each member has received and read. Both markers only move forward.

`delivered_seq` moves with the cursors of a ping or sync and with the answers of `/events` and `/sync`: at most one
write per conversation and call. A debounced job publishes read markers, and delivered markers of devices with a socket,
so that many moves within a window are one frame per socket. Markers moved by polling are not published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import messages.events  # noqa: F401 - where its job goes
from conversations import api as conversations
from conversations.api import require_member
from conversations.model import Member, MemberContext
from kernel import clock, debounce
from kernel.caller import Caller
from kernel.paging import Paginator
from messages.reading import unread
from realtime import api as realtime
from realtime.api import Target, was_read
from users import api as users

LISTED_UP_TO = 200  # members; in larger conversations receipts are counted, and published to one's own devices only
WINDOW_MS = 1 * clock.SECOND
CROWD_WINDOW_MS = 15 * clock.SECOND  # for conversations too large to list `member_ids`
MAX_MOVES = 25  # conversations per call; further ones move with the next call


def mark_read(*, caller: Caller, conversation_id: str, seq: int) -> dict[str, int]:
    """Move the read marker forward, at most to the end of the log; returns it with the unread count."""
    context = require_member(conversation_id, caller.user_id)
    seq = min(seq, context.head.last_seq)
    moved = seq > context.member.read_seq
    member = conversations.move_marker(conversation_id, caller.user_id, "read_seq", seq) if moved else None
    if moved and member is None:  # another device has moved it further meanwhile
        context = require_member(conversation_id, caller.user_id)
    if member is not None:
        context = replace(context, member=member)
        _schedule_notify(context)
    return {"read_seq": context.member.read_seq, "unread_count": unread.of_context(context).messages}


def note_delivered(caller: Caller, contexts: Mapping[str, MemberContext], reached: Mapping[str, int]) -> None:
    """Move the caller's delivered markers to the seqs this device has reached. Never raises."""
    moves = [
        (contexts[conversation_id], seq)
        for conversation_id, seq in reached.items()
        if conversation_id in contexts and seq > contexts[conversation_id].member.delivered_seq
    ]
    for context, reached_seq in moves[:MAX_MOVES]:
        seq = min(reached_seq, context.head.last_seq)
        with conversations.hint(context.conversation_id):  # whoever asked for events gets them all the same
            member = conversations.move_marker(context.conversation_id, caller.user_id, "delivered_seq", seq)
            # a read message is known to be delivered
            news = member is not None and seq > member.read_seq and context.info.member_count <= LISTED_UP_TO
            if news and caller.connection_id:
                _schedule_notify(context)


def list_receipts(
    *, caller: Caller, conversation_id: str, seq: int | None, limit: int, page: str | None
) -> dict[str, Any]:
    """The receipts of all members; with more than 200 only the caller's, and counts for `seq` (the last message).

    Members who have switched read receipts off show `read_seq` 0, and do not see those of others. With a block between
    two members both markers are 0, as delivery would reveal when the other is online.
    """
    context = require_member(conversation_id, caller.user_id)
    paging = Paginator(page, caller.user_id, "receipts", conversation_id, begun=[seq])
    after = paging.start or ""
    people = conversations.members(conversation_id)
    private = _private({member.user_id for member in people})
    if context.info.member_count <= LISTED_UP_TO:
        rest = sorted((each for each in people if each.user_id > after), key=lambda each: each.user_id)
        items = [_receipt(member, caller.user_id, private) for member in rest[:limit]]
        items = [each if context.receives("receipt", each["user_id"]) else _nothing(each["user_id"]) for each in items]
        following = paging.cursor(items[-1]["user_id"] if len(rest) > limit else None)
        return {"items": items, "next_cursor": following, "counts": None}
    at = context.head.last_message_seq if seq is None else seq
    shown = [_receipt(member, caller.user_id, private) for member in people]
    counts = {
        "seq": at,
        "members": len(people),
        "delivered": sum(each["delivered_seq"] >= at for each in shown),
        "read": None if caller.user_id in private else sum(each["read_seq"] >= at for each in shown),
    }
    own = [_receipt(context.member, caller.user_id, private)]
    return {"items": own, "next_cursor": None, "counts": counts}


def _receipt(member: Member, viewer_id: str, private: Collection[str]) -> dict[str, Any]:
    hidden = member.user_id != viewer_id and (member.user_id in private or viewer_id in private)
    return {
        "user_id": member.user_id,
        "delivered_seq": member.delivered_seq if hidden else max(member.delivered_seq, member.read_seq),
        "read_seq": 0 if hidden else member.read_seq,
    }


def _nothing(user_id: str) -> dict[str, Any]:
    return {"user_id": user_id, "delivered_seq": 0, "read_seq": 0}


def _private(user_ids: Collection[str]) -> set[str]:
    """The people who have switched read receipts off: one round trip per 100."""
    settings = users.settings_of(user_ids)
    return {user_id for user_id in user_ids if user_id in settings and not settings[user_id].read_receipts}


# --- publishing -----------------------------------------------------------------------------------------------


def _schedule_notify(context: MemberContext) -> None:
    key, me = _key(context.conversation_id), context.member.user_id
    window_ms = CROWD_WINDOW_MS if context.info.member_ids is None else WINDOW_MS
    job = {"kind": "receipts", "conversation_id": context.conversation_id, "user_ids": [me]}
    with conversations.hint(context.conversation_id):  # the marker has moved, and GET receipts shows it
        for delay_ms in debounce.add({key: window_ms}, [me]).values():
            realtime.enqueue([job], delay_s=debounce.whole_seconds(delay_ms))


def _key(conversation_id: str) -> str:
    return f"receipts:{conversation_id}"


def notify(*, conversation_id: str, user_ids: Collection[str]) -> None:
    """The job: publish the receipts of these people, and all others that are due, to the live members."""
    key = _key(conversation_id)
    with debounce.drained({key: user_ids}) as moved:
        _show(conversation_id, moved[key])


def _show(conversation_id: str, moved: Collection[str]) -> None:
    was_read(conversation_id, sorted(moved))
    people = {member.user_id: member for member in conversations.members(conversation_id)}
    movers = [people[user_id] for user_id in sorted(moved) if user_id in people]
    if not movers:
        return
    context = conversations.contexts([conversation_id], movers[0].user_id).get(conversation_id)
    if context is None:
        return  # it has been deleted
    everybody = context.info.member_count <= LISTED_UP_TO and context.info.receives("receipt", movers[0].user_id)
    audience = list(people) if everybody else [member.user_id for member in movers]
    live = realtime.reachable(realtime.connections_of(audience))
    private = _private({each.user_id for each in live} | {member.user_id for member in movers})
    frames: dict[Target, list[str]] = defaultdict(list)
    for socket in live:
        for member in movers:
            if member.user_id == socket.user_id or (
                everybody and people[socket.user_id].receives("receipt", member.user_id)
            ):
                receipt = _receipt(member, socket.user_id, private)
                frames[socket.target].append(conversations.ephemeral_frame(conversation_id, "receipt.updated", receipt))
    realtime.deliver(frames)
