"""Typing: relayed to the other live members, never stored, ended after 3 s by the server's clock.

At most one relay per person and 2 s. In a conversation too large to list `member_ids`, a relay is as many frames as a
message, so typing is limited to a share of them (R17): one notice per 100 events.

A person's typing is one hash in Redis: `until` when it lasts, when it was `relayed` last, whether it is `shown` to the
others, and whether a start is `held` back because an end was relayed within 2 s. Declared mode without Redis: relays
are limited per process, and an end may be relayed twice.
"""

from __future__ import annotations

import contextlib
from typing import Any

import messages.events  # noqa: F401 - registers the job
from conversations import api as conversations
from conversations.api import require_member
from conversations.model import MemberContext
from kernel import cache, clock, debounce
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound
from log.api import ContactChanged, ConversationLost
from messages.model import TYPING_RELAY_MS, TYPING_TTL_MS
from realtime import api as realtime
from realtime.api import ExtraFrames

STATE_TTL_MS = 4 * TYPING_TTL_MS
ALONE = 1  # no check of this typing is scheduled yet
EVENTS_PER_NOTICE = 100  # a notice is two frames, so 2 % of the frames of a busy large group
QUIET_MS = 10 * clock.SECOND  # in a conversation without events for this long, one notice per this time

# 0: do not relay the start now; 1: relay it; 2: relay it, a check is already scheduled. Negative: an end was relayed
# within 2 s, so delay the start by this many ms.
_STARTED = """
redis.call('hset', KEYS[1], 'until', ARGV[2])
redis.call('pexpire', KEYS[1], ARGV[4])
local seen = redis.call('hmget', KEYS[1], 'relayed', 'shown', 'held')
local wait = tonumber(seen[1] or '0') + tonumber(ARGV[3]) - tonumber(ARGV[1])
if wait > 0 then
  if seen[2] or seen[3] then return 0 end
  redis.call('hset', KEYS[1], 'held', 1)
  return -wait
end
redis.call('hset', KEYS[1], 'relayed', ARGV[1], 'shown', 1)
return seen[2] and 2 or 1
"""
# 0: relay the end now; positive: check again after this many ms; -1: nothing to relay. Below -1: relay a delayed start
# now, and check again after (-n - 1) ms.
_ENDED = """
local seen = redis.call('hmget', KEYS[1], 'until', 'relayed', 'shown')
local wait = tonumber(seen[2] or '0') + tonumber(ARGV[2]) - tonumber(ARGV[1])
if ARGV[4] == 'by hand' then redis.call('hset', KEYS[1], 'until', ARGV[1]) else
  local left = tonumber(seen[1] or '0') - tonumber(ARGV[1])
  if left > 0 and seen[3] then return left end
  if left > 0 and wait > 0 then return wait end
  redis.call('hdel', KEYS[1], 'held')
  if left > 0 then
    redis.call('hset', KEYS[1], 'relayed', ARGV[1], 'shown', 1)
    redis.call('pexpire', KEYS[1], ARGV[3])
    return -1 - left
  end
end
redis.call('pexpire', KEYS[1], ARGV[3])
if not seen[3] then return -1 end
if wait > 0 then return wait end
redis.call('hset', KEYS[1], 'relayed', ARGV[1])
redis.call('hdel', KEYS[1], 'shown')
return 0
"""
# 1 if the others see the typing that ends with a message, else 0.
_SENT = """
if redis.call('exists', KEYS[1]) == 0 then return 0 end
local shown = redis.call('hget', KEYS[1], 'shown')
redis.call('hset', KEYS[1], 'until', ARGV[1])
redis.call('hdel', KEYS[1], 'shown', 'held')
if not shown then return 0 end
redis.call('hset', KEYS[1], 'relayed', ARGV[1])
return 1
"""
# 1 if a notice may be sent to a large conversation, and then notes it as the last one; else 0.
_SHARE = """
local last = redis.call('hmget', KEYS[1], 'seq', 'at')
if last[1] then
  local quiet = tonumber(ARGV[1]) - math.max(tonumber(ARGV[3]), tonumber(last[2])) >= tonumber(ARGV[4])
  if not quiet and tonumber(ARGV[2]) - tonumber(last[1]) < tonumber(ARGV[5]) then return 0 end
end
redis.call('hset', KEYS[1], 'seq', ARGV[2], 'at', ARGV[1])
redis.call('pexpire', KEYS[1], ARGV[6])
return 1
"""
SHARE_TTL_MS = 1 * clock.HOUR
_relayed: cache.Memo[int] = cache.Memo(max_entries=5_000, ttl_s=TYPING_RELAY_MS / clock.SECOND)
_noticed: cache.Memo[tuple[int, int]] = cache.Memo(max_entries=1_000, ttl_s=SHARE_TTL_MS / clock.SECOND)


def typing(*, caller: Caller, conversation_id: str, is_typing: bool) -> None:
    """Relay that the caller is typing or has stopped; raises NotFound, Forbidden if the caller may not send."""
    context = require_member(conversation_id, caller.user_id)
    context.require_send()
    if not is_typing:
        _end(context, by_hand=True)
    elif _within_share(context) and (start := _start(context)):
        if start < 0:
            _schedule_check(context, -start)
            return
        _relay(context, True)
        if start == ALONE:
            _schedule_check(context, TYPING_TTL_MS)


def over(*, conversation_id: str, user_id: str) -> None:
    """The job of a scheduled check, at the expected end: relay the end or a delayed start, or schedule the next check.

    It does nothing for former members.
    """
    with contextlib.suppress(NotFound):
        _end(require_member(conversation_id, user_id), by_hand=False)


def typing_stopped(context: MemberContext) -> ExtraFrames:
    """The extra frames of a message: the end of its sender's typing, if the others see it."""
    me = context.member

    def frames(are_seen: int | None) -> list[str]:
        return [_frame(context, False)] if are_seen else []

    def is_for(user_id: str) -> bool:
        return user_id != me.user_id and me.receives("typing", user_id)

    return ExtraFrames(lambda redis: _end_by_message(redis, context), frames, "typing", me.user_id, is_for)


def of_conversation(loss: ConversationLost) -> None:
    """End the typing of a former member."""
    if loss.user_id is not None:
        _end_now(loss.conversation_id, loss.user_id)


def of_contact(change: ContactChanged) -> None:
    """End the typing in the direct conversation of two people after a block."""
    if change.blocked and change.direct_id is not None:
        _end_now(change.direct_id, change.user_id)
        _end_now(change.direct_id, change.other_id)


def _end_now(conversation_id: str, user_id: str) -> None:
    with contextlib.suppress(NotFound):
        context = conversations.system_context(conversation_id, user_id)
        if _ended_now(context):
            _relay(context, False)


def _ended_now(context: MemberContext) -> bool:
    """End somebody's typing; returns whether the others see it. Without Redis the scheduled check relays the end."""
    try:
        return bool(cache.call(lambda redis: _end_by_message(redis, context)))
    except cache.CacheUnavailable:
        return False


def _end_by_message(redis: Any, context: MemberContext) -> Any:
    return redis.eval(_SENT, 1, _key(context), clock.now())


def _start(context: MemberContext) -> int:
    """Note that somebody is typing. 0: no relay now; ALONE: relay, and schedule a check; 2: relay only; negative: delay
    the relay by this many ms."""
    now, key = clock.now(), _key(context)
    arguments = (now, now + TYPING_TTL_MS, TYPING_RELAY_MS, STATE_TTL_MS)
    try:
        return int(cache.call(lambda redis: redis.eval(_STARTED, 1, key, *arguments)))
    except cache.CacheUnavailable:
        if (_relayed.get(key) or 0) + TYPING_RELAY_MS > now:
            return 0
        _relayed.put(key, now)
        return ALONE


def _end(context: MemberContext, *, by_hand: bool) -> None:
    how = "by hand" if by_hand else "by time"
    arguments = (clock.now(), TYPING_RELAY_MS, STATE_TTL_MS, how)
    try:
        wait_ms = int(cache.call(lambda redis: redis.eval(_ENDED, 1, _key(context), *arguments)))
    except cache.CacheUnavailable:
        # by hand: the reminder that came with the start tells it soon enough
        wait_ms = -1 if by_hand else 0
    if wait_ms > 0:
        _schedule_check(context, wait_ms)
    elif wait_ms == 0:
        _relay(context, False)
    elif wait_ms < -1:
        with contextlib.suppress(Forbidden, NotFound):  # it may have been forbidden in the meantime
            context.require_send()
            _relay(context, True)
        _schedule_check(context, -wait_ms - 1)


def _within_share(context: MemberContext) -> bool:
    """Whether a typing notice fits its share of the frames of a large conversation."""
    if context.info.member_ids is not None:
        return True
    now, head, key = clock.now(), context.head, f"typing:{context.conversation_id}"
    arguments = (now, head.last_seq, head.last_at, QUIET_MS, EVENTS_PER_NOTICE, SHARE_TTL_MS)
    try:
        return bool(cache.call(lambda redis: redis.eval(_SHARE, 1, key, *arguments)))
    except cache.CacheUnavailable:
        seq, at = _noticed.get(key) or (-EVENTS_PER_NOTICE, 0)
        if now - max(head.last_at, at) < QUIET_MS and head.last_seq - seq < EVENTS_PER_NOTICE:
            return False
        _noticed.put(key, (head.last_seq, now))
        return True


def _relay(context: MemberContext, is_typing: bool) -> None:
    conversations.publish_ephemeral(context, "typing", _data(context, is_typing), what="typing")


def _data(context: MemberContext, is_typing: bool) -> dict[str, Any]:
    return {"user_id": context.member.user_id, "typing": is_typing}


def _frame(context: MemberContext, is_typing: bool) -> str:
    return conversations.ephemeral_frame(context.conversation_id, "typing", _data(context, is_typing))


def _schedule_check(context: MemberContext, wait_ms: int) -> None:
    job = {"kind": "typing_over", "conversation_id": context.conversation_id, "user_id": context.member.user_id}
    realtime.enqueue([job], delay_s=debounce.whole_seconds(wait_ms))


def _key(context: MemberContext) -> str:
    return f"typing:{context.conversation_id}:{context.member.user_id}"
