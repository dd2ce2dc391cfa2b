"""Calls in DynamoDB: an item per call, updated under a condition on its version; and an index by person and
conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from calls.model import Call
from calls.participant import MediaState, Participant
from kernel import clock
from kernel.dynamo import Record
from kernel.reads import read_together
from kernel.records import CountsAttribute, IntegerAttribute, Mapper
from kernel.transactions import Cancelled, Transaction

_NOW = "now"


class VersionConflict(Exception):
    """The call was changed concurrently; read it again."""


class CallRecord(Record, table="calls"):
    """`leases` are stored apart from `participants`, so that a heartbeat does not change the version."""

    call_id = UnicodeAttribute(hash_key=True)
    version = IntegerAttribute()
    conversation_id = UnicodeAttribute()
    direct = BooleanAttribute()
    media = UnicodeAttribute()
    initiator_id = UnicodeAttribute()
    client_id = UnicodeAttribute()
    message_id = UnicodeAttribute()
    message_seq = IntegerAttribute()
    created_at = IntegerAttribute()
    participants = JSONAttribute()
    leases = CountsAttribute(default=dict)
    state = UnicodeAttribute()
    topology = UnicodeAttribute()
    end_reason = UnicodeAttribute(null=True)
    answered_at = IntegerAttribute(null=True)
    ended_at = IntegerAttribute(null=True)
    meeting = UnicodeAttribute(null=True)


class IndexRecord(Record, table="call_index"):
    """The calls of a conversation or a person (`entry` is a call's id); `now` is the last one a person joined."""

    owner = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    call_id = UnicodeAttribute(null=True)


def _participants(record: CallRecord) -> tuple[Participant, ...]:
    people = []
    for kept in record.participants:
        fields = {**kept, "media": MediaState(**kept["media"]), "until": record.leases.get(kept["user_id"], 0)}
        people.append(Participant(**fields))
    return tuple(people)


CALL = Mapper(CallRecord, Call, renamed={"id": "call_id"}, participants=_participants)


def _stored(call: Call) -> list[dict[str, Any]]:
    rows = [asdict(each) for each in call.participants]
    for row in rows:
        del row["until"]
    return rows


def _leases(call: Call) -> dict[str, int]:
    return {each.user_id: each.until for each in call.participants if each.joined}


# --- reading --------------------------------------------------------------------------------------------------


def find(call_id: str) -> Call | None:
    return CALL.found(CallRecord.find(call_id))


def current(user_id: str) -> Call | None:
    """The call that a person joined last, whether or not they are still in it."""
    row = IndexRecord.find(user_id, _NOW)
    return None if row is None or row.call_id is None else find(row.call_id)


def find_all(call_ids: Sequence[str]) -> list[Call]:
    """The calls with these ids, in this order: one round trip per 100."""
    return CALL.values(read_together([(CallRecord, (each,)) for each in call_ids]))


def erase_index(conversation_id: str, _cursor: Any = None) -> bool | None:
    """Delete a conversation's index of calls, not that of its people; True while there may be more."""
    return True if IndexRecord.delete_found(conversation_id, limit=500) == 500 else None


def history(owner: str, *, before: str | None, limit: int) -> list[str]:
    """The ids of the calls of a person or a conversation, newest first."""
    condition = IndexRecord.entry.startswith("cal_") if before is None else IndexRecord.entry.between("cal_", before)
    rows = IndexRecord.query(owner, condition, scan_index_forward=False, consistent_read=True, limit=limit + 1)
    return [row.entry for row in rows if row.entry != before][:limit]


def in_another_call(user_ids: Sequence[str]) -> set[str]:
    """The people among these who are in a call now: one or two round trips."""
    rows = [row for row in read_together([(IndexRecord, (each, _NOW)) for each in user_ids]) if row is not None]
    if not rows:
        return set()
    calls = {call.id: call.as_of(clock.now()) for call in find_all(list({row.call_id for row in rows}))}
    found = set()
    for row in rows:
        mine = calls[row.call_id].participant(row.owner) if row.call_id in calls else None
        if mine is not None and mine.joined:
            found.add(row.owner)
    return found


# --- writing --------------------------------------------------------------------------------------------------


def stage_new(transaction: Transaction, call: Call) -> None:
    """Save a new call and its index entries."""
    transaction.put("new call", CALL.record(call, participants=_stored(call), leases=_leases(call)))
    for owner in (call.conversation_id, *(each.user_id for each in call.participants)):
        transaction.put("index", IndexRecord(owner, call.id))
    transaction.put("now", IndexRecord(call.initiator_id, _NOW, call_id=call.id))


def stage_change(transaction: Transaction, before: Call, after: Call) -> None:
    """Save a change on condition that the call is unchanged (label `call`)."""
    transaction.update("call", CallRecord(before.id), _actions(before, after), _unchanged(before, after))


def save(before: Call, after: Call) -> Call:
    """Save a change; raises VersionConflict."""
    if not CallRecord(before.id).update_if(_unchanged(before, after), *_actions(before, after)):
        raise VersionConflict
    return replace(after, version=before.version + 1)


def save_join(before: Call, after: Call, user_id: str) -> Call:
    """Save that a person has joined this call as their current one; raises VersionConflict."""
    transaction = Transaction()
    stage_change(transaction, before, after)
    transaction.put("now", IndexRecord(user_id, _NOW, call_id=before.id))
    if before.participant(user_id) is None:  # it did not ring for them, so it is not in their history yet
        transaction.put("index", IndexRecord(user_id, before.id))
    try:
        transaction.commit()
    except Cancelled as refused:
        raise VersionConflict from refused
    return replace(after, version=before.version + 1)


def _unchanged(before: Call, after: Call) -> Condition:
    condition: Condition = CallRecord.version == before.version
    kept = _leases(after)
    for user_id, until in _leases(before).items():
        if user_id not in kept:  # a lease that is renewed concurrently has not lapsed
            condition &= CallRecord.leases[user_id] == until
    return condition


def _actions(before: Call, after: Call) -> list[Action]:
    actions: list[Action] = [
        CallRecord.version.set(before.version + 1),
        CallRecord.participants.set(_stored(after)),
        *CALL.changes(before, after, but=["version"]),
    ]
    was, now = _leases(before), _leases(after)
    actions += [CallRecord.leases[user_id].set(until) for user_id, until in now.items() if was.get(user_id) != until]
    actions += [CallRecord.leases[user_id].remove() for user_id in was if user_id not in now]
    return actions


def renew(call: Call, user_id: str, until: int) -> bool:
    """Renew a lease until `until` (ms); False if the person is not in the call any more."""
    lease = CallRecord.leases[user_id]
    return CallRecord(call.id).update_if(lease.exists(), lease.set(until))
