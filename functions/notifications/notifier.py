"""Notifying people of an occurrence: in their lists, on their live sockets, and by jobs of the push queue.

Calls may be repeated, late or reordered without another outcome (R25). Alerts are saved before push jobs are sent, so
that only one of several concurrent calls about a burst alerts. A repeated call for an event sends the same job again,
under the same name, and each device takes a push of one name once.
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
from notifications.alert_store import Alerts, DecisionInputs
from notifications.bursts import Alerted
from notifications.events import NOTIFICATION
from notifications.model import Kind, ListedKind, Membership, NoticeRecipient, NotificationItem, Occurrence, Verdict
from realtime import api as realtime
from realtime.api import Audience
from users import api as users

UPDATE = "update"  # the job of the update after a burst
PEOPLE_PER_JOB = 25  # in a push job, each with up to 25 devices
UPDATE_DELAY_S = bursts.WINDOW_MS // clock.SECOND + 1  # the time of an alert is rounded up to a second


@dataclass(frozen=True, slots=True)
class NoticeDecision:
    """The verdict for one person, and whether they have devices."""

    user_id: str
    verdict: Verdict
    has_devices: bool

    @property
    def pushes(self) -> bool:
        """Whether a push is sent."""
        return self.verdict.pushed and self.has_devices


def notify(occurrence: Occurrence, *, to: Audience = "members", but: str = "") -> None:
    """Notify an audience, without user `but`; of a conversation's occurrences, only its members."""
    retried(lambda: _notify(occurrence, to, but), on=Conflict)


def _notify(occurrence: Occurrence, to: Audience, but: str) -> None:
    members = _members(occurrence.conversation_id, to)
    people = members if isinstance(to, str) else to
    audience = [each for each in people if each != but and _concerns(occurrence, each, members)]
    if not audience:
        return
    inputs = alert_store.read_inputs(occurrence.conversation_id or "-", audience)
    if inputs.info is None and occurrence.conversation_id is not None:
        return  # the conversation is gone
    if occurrence.kind == "invitation" and inputs.info is not None and inputs.info.kind == "direct":
        return  # people are notified of its first message instead
    decisions = _decide(occurrence, audience, members, inputs)
    _add_to_lists(occurrence, decisions)
    _enqueue_pushes(occurrence, decisions, inputs)


def _members(conversation_id: str | None, to: Audience) -> dict[str, Member]:
    if conversation_id is None:
        return {}
    if not isinstance(to, str):
        return conversations.members_by_id(conversation_id, to)
    found = conversations.admins(conversation_id) if to == "admins" else conversations.members(conversation_id)
    return {each.user_id: each for each in found}


def _concerns(occurrence: Occurrence, user_id: str, members: Mapping[str, Member]) -> bool:
    """Whether the person may be notified at all: the actor may not, nor may people who are no members."""
    if user_id == occurrence.actor_id and occurrence.kind != "security":
        return False
    return occurrence.conversation_id is None or user_id in members


def _decide(
    occurrence: Occurrence, audience: Sequence[str], members: Mapping[str, Member], inputs: DecisionInputs
) -> list[NoticeDecision]:
    blocked, contacts = _relations(occurrence, audience, members, inputs)
    encrypted = inputs.info is not None and inputs.info.settings.encrypted
    occurrence = replace(occurrence, encrypted=encrypted)
    now = clock.now()
    decisions = []
    for user_id in audience:
        person = inputs.people[user_id]
        recipient = NoticeRecipient(
            user_id,
            membership=_membership(members.get(user_id)),
            preferences=person.preferences,
            blocked=user_id in blocked,
            focused=user_id in inputs.focused,
            contact_of_actor=user_id in contacts,
        )
        decisions.append(NoticeDecision(user_id, model.decide(occurrence, recipient, now), bool(person.devices)))
    for reason, count in Counter(each.verdict.suppressed for each in decisions).items():
        if reason is not None:
            telemetry.count(f"Suppressed{reason.title().replace('_', '')}", count)
    return decisions


def _relations(
    occurrence: Occurrence, audience: Sequence[str], members: Mapping[str, Member], inputs: DecisionInputs
) -> tuple[set[str], set[str]]:
    """Who of the audience is separated from the actor by a block, and who has the actor as a contact.

    A direct conversation and the members of a group have copies of blocks. They suffice for plain messages, as the push
    function checks the blocks themselves; for list items and calls the blocks are checked here.
    """
    actor = occurrence.actor_id
    if actor is None:
        return set(), set()
    noted = {each for each in audience if each in members and not members[each].receives("push", actor)}
    if inputs.info is not None and inputs.info.kind == "direct" and occurrence.kind != "call":
        return (set() if inputs.info.receives("push", actor) else set(audience)), set()
    kinds = {user_id: model.kind_for(occurrence, user_id) for user_id in audience}
    checked = [user_id for user_id, kind in kinds.items() if kind in model.LISTED or kind == "call"]
    if not checked:
        return noted, set()
    contacts = users.contacts_among([(user_id, actor) for user_id in checked]) if occurrence.kind == "call" else set()
    blocked = set(checked) - users.receivers("push", actor, checked)
    return blocked | noted, {user_id for user_id, _ in contacts}


def _membership(member: Member | None) -> Membership | None:
    if member is None:
        return None
    return Membership(member.visible_from, member.read_seq, member.muted_until, member.notifications)


# --- the list -------------------------------------------------------------------------------------------------


def _add_to_lists(occurrence: Occurrence, decisions: Iterable[NoticeDecision]) -> None:
    listed = [(each.user_id, cast(ListedKind, each.verdict.kind)) for each in decisions if each.verdict.listed]
    items = [model.item_of(occurrence, kind, user_id) for user_id, kind in listed]
    if not items:
        return
    store.add_items(items)
    for item in items:
        _publish_item(item)


def _publish_item(item: NotificationItem) -> None:
    """Publish an item to its owner's live sockets; best effort, because the item is in the list."""
    try:
        (view,) = service.views(item.user_id, [item])
        data = schemas.Notification.model_validate(view).model_dump(mode="json")
        realtime.publish([_frame(data)], [item.user_id])
    except Exception as error:  # best effort
        telemetry.logger().error("not published", exc_info=error, extra={"user_id": item.user_id})


def _frame(data: Mapping[str, Any]) -> str:
    conversation_id = data.get("conversation_id")
    event = {
        "type": NOTIFICATION,
        **({} if conversation_id is None else {"conversation_id": conversation_id}),
        "at": data["at"],
        "data": data,
    }
    return json.dumps(event)


# --- pushes ---------------------------------------------------------------------------------------------------


def _enqueue_pushes(occurrence: Occurrence, decisions: Iterable[NoticeDecision], inputs: DecisionInputs) -> None:
    kinds: dict[str, Kind] = {each.user_id: each.verdict.kind for each in decisions if each.pushes}
    collapsed = [user_id for user_id, kind in kinds.items() if kind in model.MESSAGES]
    for user_id in _not_alerted(occurrence, collapsed, inputs.alerts):
        del kinds[user_id]
    _enqueue(job_of(occurrence), kinds)


def _not_alerted(occurrence: Occurrence, user_ids: Sequence[str], alerts: Alerts) -> list[str]:
    """Save the alerts of an event; returns the people who get no push for it now. Raises Conflict."""
    if not user_ids or occurrence.seq is None:
        return list(user_ids)
    before, after = alerts.by_code, dict(alerts.by_code)
    silent = []
    now = clock.now()
    for user_id in user_ids:
        code = bursts.user_code(user_id)
        outcome, after[code] = bursts.apply_event(before.get(code), occurrence.seq, now)
        if outcome != "alert":
            silent.append(user_id)
    telemetry.count("SuppressedBurst", len(silent))
    if after != before:
        if any(each.owed for each in after.values()) and not any(each.owed for each in before.values()):
            update_later(alerts.conversation_id, UPDATE_DELAY_S)
        alert_store.save_alerts(alerts, after)
    return silent


def job_of(occurrence: Occurrence) -> dict[str, Any]:
    """The push queue's job for an occurrence, without people and without a message's content."""
    optional = {
        "conversation_id": occurrence.conversation_id,
        "seq": occurrence.seq,
        "call_id": occurrence.call_id,
        "actor_id": occurrence.actor_id,
        "session_id": occurrence.reference.get("session_id"),
        "text": occurrence.text,
    }
    return {
        "push": occurrence.key,
        "at": occurrence.at,
        "tag": payloads.tag_of(occurrence),
        **{name: value for name, value in optional.items() if value is not None},
    }


def _enqueue(job: Mapping[str, Any], kinds: Mapping[str, str]) -> None:
    """Send push jobs for people and the kinds for them, `PEOPLE_PER_JOB` in each."""
    people = sorted(kinds)
    chunks = [people[start : start + PEOPLE_PER_JOB] for start in range(0, len(people), PEOPLE_PER_JOB)]
    jobs = [{**job, "people": {user_id: kinds[user_id] for user_id in chunk}} for chunk in chunks]
    if jobs:
        queues.send(config().push_queue_url, jobs)


def update_later(conversation_id: str, delay_s: int) -> None:
    """Call `update` for a conversation after a delay, by a job of the notifications queue."""
    job = {"do": UPDATE, "conversation_id": conversation_id}
    queues.send(config().notifications_queue_url, [job], delay_s=delay_s)


# --- after a burst, after reading -----------------------------------------------------------------------------


def update(conversation_id: str) -> None:
    """Send the one update after a burst to everybody whose 30 s are over and who has not read the conversation."""
    retried(lambda: _update(conversation_id), on=Conflict)


def _update(conversation_id: str) -> None:
    members = {each.user_id: each for each in conversations.members(conversation_id)}
    owed = _owed(alert_store.alerts(conversation_id), members)
    if not owed:
        return
    inputs = alert_store.read_inputs(conversation_id, list(owed))
    if inputs.info is None:
        return
    owed = _owed(inputs.alerts, owed)
    last = max([log.head(conversation_id).last_message_seq, *(each.last_seq for each in owed.values())])
    now = clock.now()
    due = [user_id for user_id, each in owed.items() if each.due_at <= now]
    # named by the events owed, so that a retry sends a job of the same name
    first = min((owed[user_id].last_seq for user_id in due), default=last)
    key = f"{conversation_id}/{first}/update"
    occurrence = Occurrence(key, "message", None, now, conversation_id=conversation_id, seq=last)
    decisions = _decide(occurrence, due, members, inputs)
    _enqueue(job_of(occurrence), {each.user_id: each.verdict.kind for each in decisions if each.pushes})
    waiting = [each.due_at for user_id, each in owed.items() if user_id not in due]
    if waiting:
        update_later(conversation_id, max(1, -(-(min(waiting) - now) // clock.SECOND)))
    updated = {bursts.user_code(user_id): bursts.after_update(owed[user_id], last) for user_id in due}
    alert_store.save_alerts(inputs.alerts, {**inputs.alerts.by_code, **updated})


def _owed(alerts: Alerts, among: Iterable[str]) -> dict[str, Alerted]:
    return {user_id: each for user_id, each in bursts.for_users(alerts.by_code, among).items() if each.owed}


def dismiss(conversation_id: str, user_ids: Sequence[str]) -> None:
    """Remove the alerts of a conversation from the devices of these people, as far as they have read it."""
    retried(lambda: _dismiss(conversation_id, user_ids), on=Conflict)


def _dismiss(conversation_id: str, user_ids: Sequence[str]) -> None:
    before = alert_store.alerts(conversation_id)
    alerted = bursts.for_users(before.by_code, user_ids)
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
        codes = {bursts.user_code(user_id) for user_id in seen}
        alert_store.save_alerts(before, {code: each for code, each in before.by_code.items() if code not in codes})


# --- lost access ----------------------------------------------------------------------------------------------


def drop_alerts(loss: ConversationLost) -> None:
    """Delete the alerts of a former member, or of everybody in a deleted group; `pushing` drops queued pushes."""
    if loss.user_id is None:
        alert_store.erase(loss.conversation_id)
    else:
        retried(partial(_forget_alert, loss.conversation_id, bursts.user_code(loss.user_id)), on=Conflict)


def _forget_alert(conversation_id: str, code: bytes) -> None:
    before = alert_store.alerts(conversation_id)
    if code in before.by_code:
        alert_store.save_alerts(
            before, {recipient: each for recipient, each in before.by_code.items() if recipient != code}
        )


# --- calls ----------------------------------------------------------------------------------------------------


def call_over(call_id: str, conversation_id: str, user_ids: Sequence[str], *, but_session: str | None = None) -> None:
    """Stop a call's ring on these people's devices that it was pushed to, except that of session `but_session`."""
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
    """The name of a call's ring push."""
    return f"{call_id}/ring"
