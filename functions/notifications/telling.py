"""Telling people of what happened: who of them, in their list, on their live sockets, by push (a job for each group).

What is asked for may be asked for again, late, or in another order: the outcome is the same (R25). That people were
alerted is noted before the jobs of pushes go out, so that of several who tell of a burst at once one alerts. Who was
noted for an event is alerted when it is told again; a job made again has the same name, and each device takes one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from conversations import api as conversations
from conversations.model import Member
from kernel import clock, queues, telemetry
from kernel.config import config
from kernel.errors import Conflict
from kernel.resilience import retried
from log import api as log
from log.api import ConversationLost
from notifications import alert_store, bursts, model, payloads, schemas, service, store
from notifications.alert_store import Alerts, Scene
from notifications.bursts import Alerted
from notifications.events import NOTIFICATION
from notifications.model import Kind, ListedKind, Membership, NoticeRecipient, NotificationItem, Occurrence, Verdict
from realtime import api as realtime
from realtime.api import Audience
from users import api as users

UPDATE = "update"  # the job of the update after a burst
# A push's job: so many people at most, each with up to 25 devices.
PEOPLE_PER_JOB = 25
UPDATE_DELAY_S = bursts.WINDOW_MS // clock.SECOND + 1  # whole seconds, and those of an alert are rounded up


@dataclass(frozen=True, slots=True)
class Told:
    """What was decided for one person."""

    user_id: str
    verdict: Verdict
    has_devices: bool

    @property
    def pushes(self) -> bool:
        """Whether a push goes out: they are told, and there is something to push to."""
        return self.verdict.pushed and self.has_devices


def tell(what: Occurrence, *, to: Audience = "members", but: str = "") -> None:
    """Tell people of something, but not `but`: of what happened in a conversation its members alone."""
    retried(lambda: _tell(what, to, but), on=Conflict)


def _tell(what: Occurrence, to: Audience, but: str) -> None:
    members = _members(what.conversation_id, to)
    people = members if isinstance(to, str) else to
    audience = [each for each in people if each != but and _concerns(what, each, members)]
    if not audience:
        return
    seen = alert_store.scene(what.conversation_id or "-", audience)
    if seen.info is None and what.conversation_id is not None:
        return  # the conversation is gone
    if what.kind == "invitation" and seen.info is not None and seen.info.kind == "direct":
        return  # its first message tells of it
    decided = _decide(what, audience, members, seen)
    _list(what, decided)
    _push(what, decided, seen)


def _members(conversation_id: str | None, to: Audience) -> dict[str, Member]:
    if conversation_id is None:
        return {}
    if not isinstance(to, str):
        return conversations.members_by_id(conversation_id, to)
    found = conversations.admins(conversation_id) if to == "admins" else conversations.members(conversation_id)
    return {each.user_id: each for each in found}


def _concerns(what: Occurrence, user_id: str, members: Mapping[str, Member]) -> bool:
    """Whether there is anything to look up for a person: not for who did it, nor for who is no member."""
    if user_id == what.actor_id and what.kind != "security":
        return False
    return what.conversation_id is None or user_id in members


def _decide(what: Occurrence, audience: Sequence[str], members: Mapping[str, Member], seen: Scene) -> list[Told]:
    blocked, contacts = _relations(what, audience, members, seen)
    encrypted = seen.info is not None and seen.info.settings.encrypted
    what = replace(what, encrypted=encrypted)
    now = clock.now()
    told = []
    for user_id in audience:
        person = seen.people[user_id]
        who = NoticeRecipient(
            user_id,
            membership=_membership(members.get(user_id)),
            preferences=person.preferences,
            blocked=user_id in blocked,
            focused=user_id in seen.focused,
            contact_of_actor=user_id in contacts,
        )
        told.append(Told(user_id, model.decide(what, who, now), bool(person.devices)))
    for reason, count in Counter(each.verdict.suppressed for each in told).items():
        if reason is not None:
            telemetry.count(f"Suppressed{reason.title().replace('_', '')}", count)
    return told


def _relations(
    what: Occurrence, audience: Sequence[str], members: Mapping[str, Member], seen: Scene
) -> tuple[set[str], set[str]]:
    """Between whom and the actor a block stands, and who of them are their contacts.

    In a direct conversation its own note of a block is enough. Of a plain message of a group the memberships say who
    does not hear of its sender; the push function asks by the blocks themselves, for those who have devices.
    """
    actor = what.actor_id
    if actor is None:
        return set(), set()
    apart = {each for each in audience if each in members and not members[each].hears("push", actor)}
    if seen.info is not None and seen.info.kind == "direct" and what.kind != "call":
        return (set() if seen.info.hears("push", actor) else set(audience)), set()
    kinds = {user_id: model.kind_for(what, user_id) for user_id in audience}
    asked = [user_id for user_id, kind in kinds.items() if kind in model.LISTED or kind == "call"]
    if not asked:
        return apart, set()
    contacts = users.contacts_among([(user_id, actor) for user_id in asked]) if what.kind == "call" else set()
    blocked = set(asked) - users.who_hear("push", actor, asked)
    return blocked | apart, {user_id for user_id, _ in contacts}


def _membership(member: Member | None) -> Membership | None:
    if member is None:
        return None
    return Membership(member.visible_from, member.read_seq, member.muted_until, member.notifications)


# --- the list -------------------------------------------------------------------------------------------------


def _list(what: Occurrence, decided: Iterable[Told]) -> None:
    listed = [(each.user_id, cast(ListedKind, each.verdict.kind)) for each in decided if each.verdict.listed]
    items = [model.item_of(what, kind, user_id) for user_id, kind in listed]
    if not items:
        return
    store.add_items(items)
    for item in items:
        _show(item)


def _show(item: NotificationItem) -> None:
    """Show an item to its owner's live sockets. A hint: who misses it finds it in the list."""
    try:
        (view,) = service.views(item.user_id, [item])
        data = schemas.Notification.model_validate(view).model_dump(mode="json")
        realtime.publish([_frame(data)], [item.user_id])
    except Exception as error:  # it is in the list
        telemetry.logger().error("not published", exc_info=error, extra={"user_id": item.user_id})


def _frame(data: Mapping[str, Any]) -> str:
    about = data.get("conversation_id")
    event = {
        "type": NOTIFICATION,
        **({} if about is None else {"conversation_id": about}),
        "at": data["at"],
        "data": data,
    }
    return json.dumps(event)


# --- pushes ---------------------------------------------------------------------------------------------------


def _push(what: Occurrence, decided: Iterable[Told], seen: Scene) -> None:
    kinds: dict[str, Kind] = {each.user_id: each.verdict.kind for each in decided if each.pushes}
    collapsed = [user_id for user_id, kind in kinds.items() if kind in model.MESSAGES]
    for user_id in _not_alerted(what, collapsed, seen.alerts):
        del kinds[user_id]
    _enqueue(job_of(what), kinds)


def _not_alerted(what: Occurrence, user_ids: Sequence[str], seen: Alerts) -> list[str]:
    """Who of these people hears nothing of an event now; it is noted who does. Raises Conflict."""
    if not user_ids or what.seq is None:
        return list(user_ids)
    before, after = seen.by_code, dict(seen.by_code)
    silent = []
    now = clock.now()
    for user_id in user_ids:
        code = bursts.code(user_id)
        outcome, after[code] = bursts.told(before.get(code), what.seq, now)
        if outcome != "alert":
            silent.append(user_id)
    telemetry.count("SuppressedBurst", len(silent))
    if after != before:
        if any(each.owed for each in after.values()) and not any(each.owed for each in before.values()):
            update_later(seen.conversation_id, UPDATE_DELAY_S)
        alert_store.save_alerts(seen, after)
    return silent


def job_of(what: Occurrence) -> dict[str, Any]:
    """What the push function needs of something: where it is found, no content."""
    named = {
        "conversation_id": what.conversation_id,
        "seq": what.seq,
        "call_id": what.call_id,
        "actor_id": what.actor_id,
        "session_id": what.reference.get("session_id"),
        "text": what.text,
    }
    return {
        "push": what.key,
        "at": what.at,
        "tag": payloads.tag_of(what),
        **{name: value for name, value in named.items() if value is not None},
    }


def _enqueue(job: Mapping[str, Any], kinds: Mapping[str, str]) -> None:
    """Have people pushed to, so many a job."""
    people = sorted(kinds)
    chunks = [people[start : start + PEOPLE_PER_JOB] for start in range(0, len(people), PEOPLE_PER_JOB)]
    jobs = [{**job, "people": {user_id: kinds[user_id] for user_id in chunk}} for chunk in chunks]
    if jobs:
        queues.send(config().push_queue_url, jobs)


def update_later(conversation_id: str, delay_s: int) -> None:
    """Have `update` look at a conversation once its burst is over."""
    job = {"do": UPDATE, "conversation_id": conversation_id}
    queues.send(config().notifications_queue_url, [job], delay_s=delay_s)


# --- after a burst, after reading -----------------------------------------------------------------------------


def update(conversation_id: str) -> None:
    """The one update after a burst, for everybody whose 30 s are over and who has not seen it meanwhile."""
    retried(lambda: _update(conversation_id), on=Conflict)


def _update(conversation_id: str) -> None:
    members = {each.user_id: each for each in conversations.members(conversation_id)}
    owed = _owed(alert_store.alerts(conversation_id), members)
    if not owed:
        return
    seen = alert_store.scene(conversation_id, list(owed))
    if seen.info is None:
        return
    owed = _owed(seen.alerts, owed)
    last = max([log.head(conversation_id).last_message_seq, *(each.last_seq for each in owed.values())])
    now = clock.now()
    due = [user_id for user_id, each in owed.items() if each.due_at <= now]
    # named by what they are owed, which stays when it has to be planned again
    first = min((owed[user_id].last_seq for user_id in due), default=last)
    key = f"{conversation_id}/{first}/update"
    what = Occurrence(key, "message", None, now, conversation_id=conversation_id, seq=last)
    decided = _decide(what, due, members, seen)
    _enqueue(job_of(what), {each.user_id: each.verdict.kind for each in decided if each.pushes})
    waiting = [each.due_at for user_id, each in owed.items() if user_id not in due]
    if waiting:
        update_later(conversation_id, max(1, -(-(min(waiting) - now) // clock.SECOND)))
    updated = {bursts.code(user_id): bursts.updated(owed[user_id], last) for user_id in due}
    alert_store.save_alerts(seen.alerts, {**seen.alerts.by_code, **updated})


def _owed(alerts: Alerts, among: Iterable[str]) -> dict[str, Alerted]:
    return {user_id: each for user_id, each in bursts.of_people(alerts.by_code, among).items() if each.owed}


def read(conversation_id: str, user_ids: Sequence[str]) -> None:
    """Take away what these people's devices show of a conversation that they have read meanwhile."""
    retried(lambda: _read(conversation_id, user_ids), on=Conflict)


def _read(conversation_id: str, user_ids: Sequence[str]) -> None:
    before = alert_store.alerts(conversation_id)
    alerted = bursts.of_people(before.by_code, user_ids)
    if not alerted:
        return
    members = conversations.members_by_id(conversation_id, list(alerted))
    seen = {user_id for user_id, member in members.items() if member.read_seq >= alerted[user_id].alert_seq}
    for user_id in sorted(seen):
        seq = members[user_id].read_seq
        job = {
            "push": f"{conversation_id}/{seq}/read",
            "at": clock.now(),
            "tag": conversation_id,
            "conversation_id": conversation_id,
        }
        _enqueue(job, {user_id: "read"})
    if seen:
        codes = {bursts.code(user_id) for user_id in seen}
        alert_store.save_alerts(before, {code: each for code, each in before.by_code.items() if code not in codes})


# --- losing the right -----------------------------------------------------------------------------------------


def of_conversation(loss: ConversationLost) -> None:
    """Owe a former member no update after a burst, and nobody one of a deleted group; what is queued is not sent
    (pushing)."""
    if loss.user_id is None:
        alert_store.erase(loss.conversation_id)
    else:
        retried(partial(_forget_alert, loss.conversation_id, bursts.code(loss.user_id)), on=Conflict)


def _forget_alert(conversation_id: str, code: bytes) -> None:
    before = alert_store.alerts(conversation_id)
    if code in before.by_code:
        alert_store.save_alerts(before, {who: each for who, each in before.by_code.items() if who != code})


# --- calls ----------------------------------------------------------------------------------------------------


def call_over(call_id: str, conversation_id: str, user_ids: Sequence[str], *, but_session: str | None = None) -> None:
    """Stop a call's ring on the devices of these people that it was pushed to, but not on the one that answered."""
    job = {
        "push": f"{call_id}/over",
        "after": ring_key(call_id),
        "at": clock.now(),
        "tag": call_id,
        "call_id": call_id,
        "conversation_id": conversation_id,
        **({} if but_session is None else {"session_id": but_session}),
    }
    _enqueue(job, dict.fromkeys(user_ids, "call_ended"))


def ring_key(call_id: str) -> str:
    """The name of the push that rings."""
    return f"{call_id}/ring"
