"""Slow mode: a member of a group sends once in `settings.slow_mode_seconds`; owner and admins whenever they like.

When a member sent last stands in their membership, which is read with their context, and moves in the transaction
that appends the message: so sending takes one item more under slow mode, and none without.
"""

from __future__ import annotations

from collections.abc import Callable

from conversations import api as conversations
from conversations.model import MemberContext
from kernel import clock, telemetry
from kernel.dynamo import Cancelled, Transaction
from kernel.errors import RateLimited
from log import api as log
from log.model import Event
from realtime.api import ExtraFrames


def require_slot(context: MemberContext, *, now: int, sent_as: str) -> None:
    """Raises RateLimited while this member has to wait; `log.DuplicateSend` instead if this is a repeated send."""
    wait_ms = context.must_wait_ms(now)
    if wait_ms <= 0:
        return
    if log.original_send(sent_as) is not None:
        raise log.DuplicateSend
    telemetry.count("SlowModeRefused")
    raise RateLimited("This group is in slow mode; wait a little.", retry_after_s=-(-wait_ms // clock.SECOND))


def stage(transaction: Transaction, context: MemberContext, *, now: int) -> None:
    """Take this member's turn, where there is slow mode for them (label `turn`)."""
    if context.is_slowed:
        conversations.stage_slot(transaction, context.member, now=now, every_ms=context.info.settings.slow_mode_ms)


def append(
    conversation_id: str,
    user_id: str,
    plan: Callable[[MemberContext], log.AppendPlan],
    *,
    load: Callable[[str, str], MemberContext] = conversations.context,
    extra: Callable[[MemberContext], ExtraFrames] | None = None,
) -> tuple[MemberContext, list[Event]]:
    """Append and publish what takes a turn; such a plan is asked again when another message of theirs took it first."""
    try:
        return conversations.append_and_publish(conversation_id, user_id, plan, load=load, extra=extra)
    except Cancelled as refused:
        if "turn" not in refused.failed:
            raise
    return conversations.append_and_publish(conversation_id, user_id, plan, load=load, extra=extra)
