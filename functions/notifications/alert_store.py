"""Alerts of a conversation, and everything that a decision to notify reads, in DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute

from conversations import api as conversations
from conversations.model import ConversationInfo
from kernel import clock
from kernel.dynamo import Record
from kernel.errors import Conflict
from kernel.reads import read_together
from kernel.records import IntegerAttribute
from log import api as log
from log.model import Event
from notifications import bursts, store
from notifications.bursts import Alerted
from notifications.store import Addressee
from realtime import api as sockets

_ALERTS = "alerts"


class AlertsRecord(Record, table="notifications"):
    """The alerts of a conversation (`bursts.pack`); `version` counts changes."""

    owner = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True, default=_ALERTS)
    alerts = BinaryAttribute(legacy_encoding=False)
    version = IntegerAttribute()
    expires_at = IntegerAttribute()  # seconds: DynamoDB's TTL


@dataclass(frozen=True, slots=True)
class Alerts:
    """The alerts of a conversation by user code, and the version that was read (0: none saved yet)."""

    conversation_id: str
    by_code: Mapping[bytes, Alerted]
    version: int


@dataclass(frozen=True, slots=True)
class DecisionInputs:
    """What a decision reads: the conversation (None: deleted), its alerts, the people, and who has it open now."""

    info: ConversationInfo | None
    alerts: Alerts
    people: Mapping[str, Addressee]
    focused: frozenset[str]


def read_inputs(conversation_id: str, user_ids: Sequence[str]) -> DecisionInputs:
    """All inputs of a decision, in one round trip for up to 49 people."""
    rows = iter(
        read_together(
            [
                conversations.info_key(conversation_id),
                (AlertsRecord, (conversation_id, _ALERTS)),
                *(store.person_key(user_id) for user_id in user_ids),
                *(sockets.connections_key(user_id) for user_id in user_ids),
            ]
        )
    )
    info, alerts = next(rows), next(rows)
    people = {user_id: next(rows) for user_id in user_ids}
    focused = {user_id for user_id in user_ids if sockets.shows(next(rows), conversation_id)}
    return DecisionInputs(
        info=conversations.info_in(info),
        alerts=_alerts(conversation_id, alerts),
        people={user_id: store.person_in(user_id, row) for user_id, row in people.items()},
        focused=frozenset(focused),
    )


def addressees(
    conversation_id: str | None, user_ids: Sequence[str], *, seq: int | None
) -> tuple[dict[str, Addressee], Event | None]:
    """These people, and the message at `seq`; nobody if the conversation or the message is deleted.

    One round trip per 98 people.
    """
    if conversation_id is None:
        return store.people(user_ids), None
    keys = [conversations.info_key(conversation_id), *map(store.person_key, user_ids)]
    if seq is not None:
        keys.append((log.EventRecord, (conversation_id, seq)))
    info, *rows = read_together(keys)
    row = None if seq is None else rows.pop()
    event = None if row is None else log.event_of(row)
    message = event if event is not None and event.is_message else None
    if conversations.info_in(info) is None or (message is not None and message.deleted_at is not None):
        return {}, message
    return {user_id: store.person_in(user_id, row) for user_id, row in zip(user_ids, rows, strict=True)}, message


def _alerts(conversation_id: str, row: Any) -> Alerts:
    if row is None:
        return Alerts(conversation_id, {}, 0)
    return Alerts(conversation_id, bursts.unpack(row.alerts), int(row.version))


def alerts(conversation_id: str) -> Alerts:
    return _alerts(conversation_id, AlertsRecord.find(conversation_id, _ALERTS))


def save_alerts(before: Alerts, now_by_code: Mapping[bytes, Alerted]) -> None:
    """Save alerts that replace `before`; raises Conflict if they have changed since they were read."""
    now, version = clock.now(), AlertsRecord.version
    record = AlertsRecord(
        before.conversation_id,
        alerts=bursts.pack(now_by_code, now),
        version=before.version + 1,
        expires_at=(now + bursts.KEPT_MS + clock.DAY) // clock.SECOND,
    )
    unchanged = version == before.version if before.version else version.does_not_exist()
    if not record.save_if(unchanged):
        raise Conflict("Somebody changed this at the same time; try again.", retry_after_s=1)


def erase(conversation_id: str, _cursor: Any = None) -> None:
    """Delete the alerts of a deleted conversation."""
    AlertsRecord(conversation_id, _ALERTS).delete()
