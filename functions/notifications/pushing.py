"""Sending a job's pushes to the registered devices of people who may still be notified and have not seen the message,
unless it was deleted.

Each device gets a push once, although jobs are repeated: it is claimed before sending and marked after. Deliveries that
a provider defers are retried by the queue, for those devices alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from conversations import api as conversations
from conversations.model import ConversationInfo, Member
from kernel import clock, telemetry
from kernel.consumers import TryLater
from kernel.errors import Conflict
from kernel.resilience import retried
from kernel.telemetry import MetricUnit
from log.model import Event
from messages import api as messages
from notifications import alert_store, model, payloads, push_store, service, store, vapid
from notifications.model import RegisteredDevice
from notifications.payloads import Payload, PushPreview
from notifications.providers import fcm, webpush
from notifications.providers.outcomes import Delivery, PushOutcome, later
from notifications.store import Addressee
from users import api as users

Sender = Callable[[Sequence[Delivery]], list[PushOutcome]]
SENDERS: Mapping[str, Sender] = {"fcm": fcm.send, "webpush": webpush.send}


@dataclass(frozen=True, slots=True)
class PushJob:
    """A job of the push queue: `people` maps user ids to kinds; `after` names the ring that this push ends."""

    push: str
    at: int
    tag: str
    people: Mapping[str, str]
    conversation_id: str | None = None
    seq: int | None = None
    call_id: str | None = None
    actor_id: str | None = None
    session_id: str | None = None
    after: str | None = None
    text: str | None = None

    @property
    def is_ring(self) -> bool:
        return "call" in self.people.values()

    @property
    def is_end_of_ring(self) -> bool:
        """Whether the push only stops a ring, which former members have to receive as well."""
        return self.after is not None


def push(job: PushJob) -> None:
    """Send a job's pushes; raises TryLater if some have to be retried."""
    people, message = _recipients(job)
    devices = _devices(job, people)
    claimed = push_store.claim(job.push, [_name(each) for each in devices])
    devices = [each for each in devices if _name(each) in claimed]
    if not devices:
        return
    try:
        outcomes = _send(job, devices, people, message)
    except Exception:
        push_store.record_outcome(job.push, done=[], undone=claimed)
        raise
    _record_outcomes(job, devices, outcomes)


# --- recipients and devices -----------------------------------------------------------------------------------


def _recipients(job: PushJob) -> tuple[dict[str, Addressee], Event | None]:
    """The job's people who may still be notified and have not seen the message meanwhile, and the message."""
    wanted = sorted(job.people)
    if job.is_ring:
        wanted = _still_ringing(job, wanted)
    elif clock.now() - job.at > model.LATE_MS:
        wanted = []
    if job.conversation_id is not None and wanted and not job.is_end_of_ring:
        members = conversations.members_by_id(job.conversation_id, wanted)
        wanted = [each for each in wanted if each in members and not _seen(job, members[each])]
    if job.actor_id is not None and wanted:
        unblocked = users.receivers("push", job.actor_id, wanted)
        wanted = [each for each in wanted if each in unblocked]
    conversation_id = None if job.is_end_of_ring else job.conversation_id
    seq = None if job.is_ring else job.seq
    people, message = alert_store.addressees(conversation_id, wanted, seq=seq) if wanted else ({}, None)
    telemetry.count("PushesOutdated", len(job.people) - len(people))
    return people, message


def _seen(job: PushJob, member: Member) -> bool:
    if job.seq is None or job.is_ring:
        return False
    return member.read_seq >= job.seq or job.seq < member.visible_from


def _still_ringing(job: PushJob, user_ids: Sequence[str]) -> list[str]:
    """Those of these people whom the call still rings for: not once it was answered, ended or timed out."""
    from calls import api as calls

    ringing = calls.ringing_for(job.call_id or "")
    return [each for each in user_ids if each in ringing]


def _devices(job: PushJob, people: Mapping[str, Addressee]) -> list[RegisteredDevice]:
    """Their devices without that of the acting session; to end a ring, only those that it was pushed to."""
    found = service.live_devices(people.values())
    found = [each for each in found if each.session_id != job.session_id]
    if job.after is None:
        return found
    rang = push_store.sent_to(job.after)
    return [each for each in found if _name(each) in rang]


def _name(device: RegisteredDevice) -> str:
    """A device's name in the record of a push; it changes with the device's token or endpoint."""
    return device.key[:16]


# --- sending --------------------------------------------------------------------------------------------------


def _send(
    job: PushJob, devices: Sequence[RegisteredDevice], people: Mapping[str, Addressee], message: Event | None
) -> list[PushOutcome]:
    user_ids = sorted({each.user_id for each in devices})
    unread = messages.unread_of_people(user_ids, fresh=job.conversation_id)
    previews = _previews(job, [each for each in user_ids if people[each].preferences.show_preview], message)
    deliveries = [
        Delivery(
            device,
            Payload(
                kind=job.people[device.user_id],  # type: ignore[arg-type]
                tag=job.tag,
                badge=unread[device.user_id],
                conversation_id=job.conversation_id,
                call_id=job.call_id,
                preview=previews.get(device.user_id),
            ),
            payloads.topic(vapid.topic_key(), job.tag, device.key),
        )
        for device in devices
    ]
    by_provider: dict[str, list[Delivery]] = defaultdict(list)
    for each in deliveries:
        by_provider[each.device.provider].append(each)
    outcomes: dict[int, PushOutcome] = {}
    for provider, theirs in by_provider.items():
        answers = _answers(provider, theirs)
        outcomes |= {id(each): answer for each, answer in zip(theirs, answers, strict=True)}
        _count(provider, answers)
    return [outcomes[id(each)] for each in deliveries]


def _answers(provider: str, deliveries: Sequence[Delivery]) -> list[PushOutcome]:
    """A provider's outcomes. If it cannot be asked, its deliveries are retried: an exception would repeat the pushes
    that another provider has delivered already."""
    try:
        return SENDERS[provider](deliveries)
    except Exception as error:  # retried by the queue, and in the end a dead letter
        telemetry.logger().error("provider cannot be asked", exc_info=error, extra={"provider": provider})
        return [later("failed")] * len(deliveries)


def _count(provider: str, outcomes: Sequence[PushOutcome]) -> None:
    name = {"fcm": "Fcm", "webpush": "WebPush"}[provider]
    telemetry.count(f"PushesAttempted{name}", len(outcomes))
    for result, count in Counter(each.result for each in outcomes).items():
        telemetry.count(f"Pushes{result.title()}{name}", count)
    reasons = Counter(each.reason for each in outcomes if each.reason)
    if reasons:
        telemetry.logger().info("pushes not delivered", extra={"provider": provider, "reasons": dict(reasons)})


def _previews(job: PushJob, user_ids: Sequence[str], message: Event | None) -> dict[str, PushPreview]:
    """Previews for people who chose them; none of an encrypted conversation."""
    if not user_ids or any(kind in ("read", "call_ended") for kind in job.people.values()):
        return {}
    info: ConversationInfo | None = None
    if job.conversation_id is not None:
        info = conversations.info(job.conversation_id)
        if info is None or info.settings.encrypted:
            return {}
    text, actor_id = job.text, job.actor_id
    if message is not None:
        actor_id, text = message.actor_id, _text(message.text, message.data)
    actor = users.profiles_of([actor_id]).get(actor_id) if actor_id is not None else None
    return {
        user_id: payloads.preview(
            job.people[user_id],  # type: ignore[arg-type]
            actor=None if actor is None else actor.display_name,
            group=info.name if info is not None else None,
            text=text,
        )
        for user_id in user_ids
    }


def _text(text: str | None, data: Mapping[str, Any]) -> str | None:
    if text:
        return text
    names = [each["name"] for each in data.get("attachments", ())]
    return ", ".join(names) or None


# --- outcomes -------------------------------------------------------------------------------------------------


def _record_outcomes(job: PushJob, devices: Sequence[RegisteredDevice], outcomes: Sequence[PushOutcome]) -> None:
    pairs = list(zip(devices, outcomes, strict=True))
    later = [(device, outcome) for device, outcome in pairs if outcome.result == "later"]
    undone = [_name(device) for device, _ in later]
    push_store.record_outcome(
        job.push, done=[_name(each) for each in devices if _name(each) not in undone], undone=undone
    )
    if any(outcome.result == "delivered" for outcome in outcomes):
        telemetry.count("PushDelay", max(0, clock.now() - job.at), MetricUnit.Milliseconds)
    gone: dict[str, list[RegisteredDevice]] = defaultdict(list)
    for device, outcome in pairs:
        if outcome.result == "gone":
            gone[device.user_id].append(device)
    for devices_of_one in gone.values():
        retried(partial(store.remove, devices_of_one), on=Conflict)
    if later:
        raise TryLater(max(outcome.retry_after_s for _, outcome in later), later[0][1].reason)
