"""What follows an alert: one update after a burst, its removal once it was read or access was lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from conversations import api as conversations
from kernel import clock
from kernel.errors import Conflict
from kernel.resilience import retried
from log import api as log
from log.api import ConversationLost
from notifications import alert_store, bursts, notifier, push_jobs
from notifications.alert_store import Alerts
from notifications.bursts import Alerted
from notifications.model import Occurrence

LOOKED_AT = 100  # events after an alert, for messages that were deleted since


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
    newest = _newest_message(
        conversation_id, after=min((owed[each].alert_seq for each in due), default=last), last=last
    )
    # named by the events owed, so that a retry sends a job of the same name
    first = min((owed[user_id].last_seq for user_id in due), default=last)
    key = f"{conversation_id}/{first}/update"
    occurrence = Occurrence(key, "message", None, now, conversation_id=conversation_id, seq=newest)
    decisions = notifier.decide(occurrence, [each for each in due if owed[each].alert_seq < newest], members, inputs)
    push_jobs.enqueue(
        push_jobs.job_of(occurrence), {each.user_id: each.verdict.kind for each in decisions if each.pushes}
    )
    waiting = [each.due_at for user_id, each in owed.items() if user_id not in due]
    if waiting:
        push_jobs.update_later(conversation_id, max(1, -(-(min(waiting) - now) // clock.SECOND)))
    updated = {bursts.user_code(user_id): bursts.after_update(owed[user_id], last) for user_id in due}
    alert_store.save_alerts(inputs.alerts, {**inputs.alerts.by_code, **updated})


def _newest_message(conversation_id: str, *, after: int, last: int) -> int:
    """The seq of the newest message after a seq that was not deleted since; 0 if there is none.

    Looks at the last `LOOKED_AT` events, which are one round trip. In a longer burst it is `last`.
    """
    if last - after > LOOKED_AT:
        return last
    events = log.events_at((conversation_id, seq) for seq in range(after + 1, last + 1)).values()
    return max((each.seq for each in events if each.is_message and each.deleted_at is None), default=0)


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
        push_jobs.enqueue(job, {user_id: "read"})
    if seen:
        codes = {bursts.user_code(user_id) for user_id in seen}
        alert_store.save_alerts(before, {code: each for code, each in before.by_code.items() if code not in codes})


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
