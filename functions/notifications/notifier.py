"""Notifying people of an occurrence: in their lists, on their live sockets, and by jobs of the push queue.

Calls may be repeated, late or reordered without another outcome (R25). Alerts are saved before push jobs are sent, so
that only one of several concurrent calls about a burst alerts. A repeated call for an event sends the same job again,
under the same name, and each device takes a push of one name once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from conversations import api as conversations
from conversations.model import Member
from kernel import clock, telemetry
from kernel.errors import Conflict
from kernel.resilience import retried
from notifications import alert_store, bursts, live_list, model, push_jobs, service, store
from notifications.alert_store import Alerts, DecisionInputs
from notifications.bursts import Alerted
from notifications.model import Kind, ListedKind, Membership, NoticeRecipient, Occurrence, Verdict
from realtime.api import Audience
from users import api as users

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


Decided = list[tuple[Occurrence, list[NoticeDecision]]]


def notify(occurrences: Sequence[Occurrence], *, to: Audience = "members", but: str = "") -> None:
    """Notify an audience, without user `but`, of occurrences in one conversation, or of some outside conversations.

    Of a conversation's occurrences only its members are notified. What the decisions need is read once for all of them,
    so events of one conversation that come together should be given together.
    """
    retried(lambda: _notify(occurrences, to, but), on=Conflict)


def _notify(occurrences: Sequence[Occurrence], to: Audience, but: str) -> None:
    (conversation_id,) = {each.conversation_id for each in occurrences}
    members = _members(conversation_id, to)
    people = [each for each in (members if isinstance(to, str) else to) if each != but]
    concerned = [each for each in people if any(_concerns(one, each, members) for one in occurrences)]
    if not concerned:
        return
    inputs = alert_store.read_inputs(conversation_id or "-", concerned)
    if inputs.info is None and conversation_id is not None:
        return  # the conversation is gone
    decided: Decided = []
    for occurrence in occurrences:
        if occurrence.kind == "invitation" and inputs.info is not None and inputs.info.kind == "direct":
            continue  # people are notified of its first message instead
        audience = [each for each in concerned if _concerns(occurrence, each, members)]
        decisions = decide(occurrence, audience, members, inputs)
        _add_to_lists(occurrence, decisions)
        decided.append((occurrence, decisions))
    _enqueue_pushes(decided, inputs.alerts)


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


def decide(
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
        with telemetry.best_effort("not published", user_id=item.user_id):
            live_list.publish(service.view_of_new(item), item.user_id)


# --- pushes ---------------------------------------------------------------------------------------------------


def _enqueue_pushes(decided: Decided, alerts: Alerts) -> None:
    """Save the alerts of all events, then send push jobs for whoever gets a push now. Raises Conflict."""
    after, now = dict(alerts.by_code), clock.now()
    pushes, bursting = [], 0
    for occurrence, decisions in decided:
        kinds: dict[str, Kind] = {each.user_id: each.verdict.kind for each in decisions if each.pushes}
        silent = {
            user_id
            for user_id, kind in kinds.items()
            if kind in model.MESSAGES and not _alerts(after, user_id, occurrence.seq, now)
        }
        bursting += len(silent)
        pushes.append((occurrence, {each: kind for each, kind in kinds.items() if each not in silent}))
    if bursting:
        telemetry.count("SuppressedBurst", bursting)
    if after != alerts.by_code:
        if any(each.owed for each in after.values()) and not any(each.owed for each in alerts.by_code.values()):
            push_jobs.update_later(alerts.conversation_id, UPDATE_DELAY_S)
        alert_store.save_alerts(alerts, after)
    for occurrence, kinds in pushes:
        push_jobs.enqueue(push_jobs.job_of(occurrence), kinds)


def _alerts(by_code: dict[bytes, Alerted], user_id: str, seq: int | None, now: int) -> bool:
    """Note an event in the alerts, and whether the person is to be alerted of it."""
    if seq is None:
        return False
    code = bursts.user_code(user_id)
    outcome, by_code[code] = bursts.apply_event(by_code.get(code), seq, now)
    return outcome == "alert"
