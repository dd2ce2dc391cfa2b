"""Slow mode: members of a group send once in `settings.slow_mode_seconds`; owner and admins are not limited.

The time of a member's last message is in the membership, and is written in the transaction of the message: slow mode
costs one more item per message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from conversations import api as conversations
from conversations.model import MemberContext
from kernel import clock, telemetry
from kernel.errors import RateLimited
from kernel.transactions import Cancelled, Transaction
from log import api as log
from log.model import Event
from realtime.api import NONE_KNOWN, Connection, ExtraFrames


def require_slot(context: MemberContext, *, now: int, sent_as: str) -> None:
    """Raise RateLimited while the member has to wait, or `log.DuplicateSend` for a repeated send."""
    wait_ms = context.must_wait_ms(now)
    if wait_ms <= 0:
        return
    if log.original_send(sent_as) is not None:
        raise log.DuplicateSend
    telemetry.count("SlowModeRefused")
    raise RateLimited("This group is in slow mode; wait a little.", retry_after_s=-(-wait_ms // clock.SECOND))


def stage(transaction: Transaction, context: MemberContext, *, now: int) -> None:
    """Take a slow-mode slot, if slow mode applies to the member (label `turn`)."""
    if context.is_slowed:
        conversations.stage_slot(transaction, context.member, now=now, every_ms=context.info.settings.slow_mode_ms)


def append(
    conversation_id: str,
    user_id: str,
    plan: Callable[[MemberContext], log.AppendPlan],
    *,
    load: Callable[[str, str], MemberContext] = conversations.context,
    extra: Callable[[MemberContext], ExtraFrames] | None = None,
    sockets: Mapping[str, Sequence[Connection]] = NONE_KNOWN,
) -> tuple[MemberContext, list[Event]]:
    """Append and publish with a plan that takes a slot; the plan is called again if another message took it first."""
    once = partial(
        conversations.append_and_publish, conversation_id, user_id, plan, load=load, extra=extra, sockets=sockets
    )
    try:
        return once()
    except Cancelled as refused:
        if "turn" not in refused.failed:
            raise
    return once()
