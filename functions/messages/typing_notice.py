"""Typing: relayed to the other live members, never stored, over after 3 s by the server's clock."""

from __future__ import annotations

from conversations import publish
from conversations.model import Place
from conversations.service import require_place
from kernel import cache, clock
from kernel.caller import Caller
from messages.model import TYPING_RELAY_MS, TYPING_TTL_MS
from realtime import service as realtime

_relayed: cache.Memo[bool] = cache.Memo(max_entries=5_000, ttl_s=TYPING_RELAY_MS / 1000)


def typing(*, caller: Caller, conversation_id: str, is_typing: bool) -> None:
    """Tell the others that the caller types or has stopped; at most one relay per person and 2 s.

    Without Redis the relay is paced per process, and the end may be told 3 s after the first notice.
    """
    place = require_place(conversation_id, caller.user_id)
    place.require_send()
    if not is_typing:
        _until(place, 0)
        _relay(place, False)
        return
    until = clock.now() + TYPING_TTL_MS
    _until(place, until)
    if not _first_in_a_while(place):
        return
    _relay(place, True)
    job = {
        "kind": "typing_over",
        "conversation_id": conversation_id,
        "user_id": caller.user_id,
        "until": until,
    }
    realtime.enqueue([job], delay_s=TYPING_TTL_MS // clock.SECOND)


def over(*, conversation_id: str, user_id: str, until: int) -> None:
    """The queue's reminder: tell that the typing is over, or look again when it went on meanwhile."""
    place = require_place(conversation_id, user_id)
    try:
        stored = cache.call(lambda redis: redis.get(_key("until", place)))
        latest = until if stored is None else int(stored)
    except cache.CacheUnavailable:
        latest = until
    if latest == 0:
        return  # ended by hand, and told then
    left_ms = latest - clock.now()
    if left_ms > 0:
        job = {"kind": "typing_over", "conversation_id": conversation_id, "user_id": user_id, "until": latest}
        realtime.enqueue([job], delay_s=max(1, -(-left_ms // clock.SECOND)))
        return
    _relay(place, False)


def _relay(place: Place, is_typing: bool) -> None:
    publish.passing(place, "typing", {"user_id": place.member.user_id, "typing": is_typing})


def _key(purpose: str, place: Place) -> str:
    return f"typing:{purpose}:{place.conversation_id}:{place.member.user_id}"


def _until(place: Place, until: int) -> None:
    try:
        cache.call(lambda redis: redis.set(_key("until", place), until, px=4 * TYPING_TTL_MS))
        if until == 0:
            cache.call(lambda redis: redis.delete(_key("relayed", place)))
    except cache.CacheUnavailable:
        if until == 0:
            _relayed.drop(_key("relayed", place))


def _first_in_a_while(place: Place) -> bool:
    key = _key("relayed", place)
    try:
        return bool(cache.call(lambda redis: redis.set(key, 1, nx=True, px=TYPING_RELAY_MS)))
    except cache.CacheUnavailable:
        if _relayed.get(key):
            return False
        _relayed.put(key, True)
        return True
