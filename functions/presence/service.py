"""Presence: setting, reading and watching it.

Chosen status, live sockets, blocks and settings are read from DynamoDB whenever presence is read or sent. Redis only
debounces the fan-out (`presence.presence_fanout`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from conversations import api as conversations
from conversations.api import require_member
from kernel import cache, clock, debounce, ids, telemetry
from kernel.caller import Caller
from kernel.errors import NotFound, ValidationFailed
from kernel.limiter import Limit
from presence import store
from presence.model import MAX_UNTIL_MS, MAX_WATCHED, Choice, Chosen, Presence, PresenceState, offline_view
from presence.sockets import hint
from realtime import api as realtime
from users import api as users

SET = Limit("presence", requests=30, window_s=60)
WATCH = Limit("watch_presence", requests=30, window_s=60)
MAX_DELAY_S = 900  # of a queue's message
RECHECK_AFTER_S = realtime.PRESENT_MS // clock.SECOND  # a socket lost without $disconnect shows in 12 min

_rechecks: cache.Memo[bool] = cache.Memo(max_entries=5_000, ttl_s=RECHECK_AFTER_S)


def states_of(user_ids: Iterable[str]) -> dict[str, PresenceState]:
    """The presence states by user id; unknown people are left out. Three round trips per 100."""
    wanted = [user_id for user_id in dict.fromkeys(user_ids) if ids.is_id(user_id, "usr")]
    settings = users.settings_of(wanted)
    known = list(settings)
    there, choices = realtime.liveness_of(known), store.choices(known)
    return {
        user_id: PresenceState(
            user_id,
            choices.get(user_id, Choice()),
            there[user_id].present,
            there[user_id].seen_at,
            settings[user_id].last_seen,
        )
        for user_id in known
    }


def views_for(pairs: Collection[tuple[str, str]], known: dict[str, PresenceState]) -> dict[tuple[str, str], Presence]:
    """The views by (viewer, person), without pairs that have a block between them.

    One round trip per 50 pairs, and one per 100 for people who show last seen to contacts only.
    """
    others = [(viewer, person) for viewer, person in pairs if viewer != person and person in known]
    heard = users.receiving_pairs("presence", others)
    asking = [(person, viewer) for viewer, person in others if known[person].last_seen_for == "contacts"]
    contacts = users.contacts_among(asking)
    found = {}
    for viewer, person in pairs:
        if viewer == person and person in known:
            found[viewer, person] = known[person].for_oneself()
        elif (viewer, person) in heard:
            found[viewer, person] = known[person].for_others(is_contact=(person, viewer) in contacts)
    return found


def seen(*, viewer_id: str, user_ids: Sequence[str]) -> list[Presence]:
    """The presence of these people as the viewer sees it, in this order."""
    views = views_for([(viewer_id, user_id) for user_id in user_ids], states_of(user_ids))
    return [views.get((viewer_id, user_id)) or offline_view(user_id) for user_id in user_ids]


def choose(*, caller: Caller, status: Chosen, text: str | None, until: str | None) -> Presence:
    """Set one's own presence; raises ValidationFailed for an `until` outside of the coming year, NotFound."""
    before = states_of([caller.user_id]).get(caller.user_id)
    if before is None:
        raise NotFound  # the account is gone
    hidden_seen_at = before.last_visible_at(clock.now()) if status == "invisible" else None
    choice = Choice(status, text, None if until is None else _future(until), hidden_seen_at)
    store.choose(caller.user_id, choice)
    telemetry.count("PresenceSet")
    after = replace(before, choice=choice)
    _enqueue_changes(before, after)
    return after.for_oneself()


def _enqueue_changes(before: PresenceState, after: PresenceState) -> None:
    was, now_is = before.for_others(), after.for_others()
    jobs: list[dict[str, Any]] = [{"kind": "presence_own", "user_id": after.user_id}]
    if was.summary != now_is.summary:  # otherwise the frame would reveal that something was set
        jobs.append({"kind": "presence", "user_id": after.user_id, "was": was.summary})
    with hint(after.user_id):  # the status is stored; frames are hints
        realtime.enqueue(jobs)
        until = after.choice.until
        if until is not None:
            schedule_expiry(after.user_id, now_is.summary, until)


def schedule_expiry(user_id: str, was: list[str | None], until: int) -> None:
    """Enqueue a job that publishes the end of a status; a queue delays a job by 15 min at most, so it may repeat."""
    delay_s = min(MAX_DELAY_S, debounce.whole_seconds(until - clock.now()))
    job = {"kind": "presence", "user_id": user_id, "was": was, "until": until}
    realtime.enqueue([job], delay_s=max(0, delay_s))


def _future(text: str) -> int:
    try:
        at = clock.parse(text)
    except ValueError as error:
        raise ValidationFailed.of("until", str(error)) from error
    if not clock.now() < at <= clock.now() + MAX_UNTIL_MS:
        raise ValidationFailed.of("until", "a time within the coming year")
    return at


# --- watching -------------------------------------------------------------------------------------------------


def watch(*, caller: Caller, user_ids: Sequence[str], conversation_id: str | None) -> list[Presence]:
    """Let the caller's socket watch these people and the members of a conversation, instead of those before.

    Returns their present status; raises ValidationFailed for more than 200 people, NotFound if the caller is not a
    member of the conversation.
    """
    wanted = dict.fromkeys(user_ids)
    if conversation_id is not None:
        context = require_member(conversation_id, caller.user_id)
        if context.info.member_count > MAX_WATCHED + 1:
            raise ValidationFailed.of("conversation_id", f"has more than {MAX_WATCHED} others: name those on screen")
        wanted |= dict.fromkeys(member.user_id for member in conversations.members(conversation_id))
    people = [user_id for user_id in wanted if user_id != caller.user_id]
    if len(people) > MAX_WATCHED:
        raise ValidationFailed.of("user_ids", f"a socket watches at most {MAX_WATCHED} people")
    real = {user_id for user_id in people if ids.is_id(user_id, "usr")}
    before = store.watched_by(caller.connection_id)
    if real != before:
        store.watch(caller.user_id, caller.connection_id, real, before)
    telemetry.count("PresenceWatched", len(real))
    found = seen(viewer_id=caller.user_id, user_ids=people)
    if there := [each.user_id for each in found if each.status != "offline"]:
        schedule_recheck(there)
    return found


def schedule_recheck(user_ids: Sequence[str]) -> None:
    """Enqueue a recheck of people who are online, as a socket may end without a $disconnect. Never raises.

    There is one recheck per person; without Redis (declared mode) there may be one per process.
    """
    with hint(""):  # frames are hints; reading presence still works
        mine = _claim_rechecks(user_ids)
        if mine:
            realtime.enqueue([{"kind": "presence_guard", "user_ids": mine}], delay_s=RECHECK_AFTER_S)


def _claim_rechecks(user_ids: Sequence[str]) -> list[str]:
    def ask(redis: Any) -> list[bool]:
        pipe = redis.pipeline(transaction=False)
        for user_id in user_ids:
            pipe.set(f"presence:guard:{user_id}", 1, nx=True, ex=RECHECK_AFTER_S)
        return [bool(answer) for answer in pipe.execute()]

    try:
        free = cache.call(ask)
    except cache.CacheUnavailable:
        free = [not _rechecks.get(user_id) for user_id in user_ids]
        for user_id in user_ids:
            _rechecks.put(user_id, True)
    return [user_id for user_id, is_free in zip(user_ids, free, strict=True) if is_free]
