"""The audit log in DynamoDB: pending acts, the chain, and its head, in one table.

Each act is recorded in a row of its own, so that concurrent acts do not contend. Chaining moves the head under a
condition: of several concurrent calls one succeeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute

from audit.model import Act, AuditFilter, Entry, Head
from kernel import clock
from kernel.config import config
from kernel.dynamo import Record
from kernel.records import IntegerAttribute, Mapper, index
from kernel.transactions import Transaction

_PENDING, _CHAIN, _HEAD = "waiting", "chain", "head"
CHAINED_AT_ONCE = 45  # each takes two of a transaction's 100 actions, the head one
_DIGITS = 12


class AuditRecord(Record, table="audit", group="access"):
    """A chained entry under its number, a pending act under its id with its fields in `act`, or the head."""

    part = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    n = IntegerAttribute(null=True)
    at = IntegerAttribute(null=True)
    actor = UnicodeAttribute(null=True)
    action = UnicodeAttribute(null=True)
    target = UnicodeAttribute(null=True)
    ip = UnicodeAttribute(null=True)
    details = JSONAttribute(null=True)
    previous = UnicodeAttribute(null=True)
    hash = UnicodeAttribute(null=True)
    act = JSONAttribute(null=True)
    expires_at = IntegerAttribute(null=True)  # seconds: DynamoDB's TTL

    by_actor = index(actor=UnicodeAttribute(hash_key=True), entry=UnicodeAttribute(range_key=True))
    by_target = index(target=UnicodeAttribute(hash_key=True), entry=UnicodeAttribute(range_key=True))


_ENTRY = Mapper(AuditRecord, Entry)


# --- acts -----------------------------------------------------------------------------------------------------


def _pending(act: Act) -> AuditRecord:
    fields = asdict(act)
    return AuditRecord(_PENDING, fields.pop("id"), act=fields)


def stage(transaction: Transaction, act: Act) -> None:
    """Record an act as part of the transaction that does it."""
    transaction.put(f"audit:{act.id}", _pending(act))


def record(act: Act) -> None:
    """Record an act by itself."""
    _pending(act).save()


def pending() -> list[Act]:
    """The oldest pending acts, at most `CHAINED_AT_ONCE`."""
    rows = AuditRecord.query(_PENDING, consistent_read=True, limit=CHAINED_AT_ONCE)
    return [Act(id=row.entry, **row.act) for row in rows]


# --- the chain ------------------------------------------------------------------------------------------------


def head() -> Head:
    row = AuditRecord.find(_HEAD, _HEAD)
    return Head() if row is None else Head(row.n, row.hash)


def append(seen: Head, acts: Sequence[Act], entries: Sequence[Entry]) -> None:
    """Append the entries of these acts after head `seen`; raises Cancelled if the head has moved meanwhile."""
    transaction = Transaction()
    as_seen = AuditRecord.part.does_not_exist() if seen.n == 0 else AuditRecord.n == seen.n
    transaction.put("head", AuditRecord(_HEAD, _HEAD, n=entries[-1].n, hash=entries[-1].hash), as_seen)
    for act, entry in zip(acts, entries, strict=True):
        transaction.delete(f"act:{act.id}", AuditRecord(_PENDING, act.id), AuditRecord.part.exists())
        expires_at = (entry.at + _retention_ms()) // clock.SECOND + 1
        row = _ENTRY.record(entry, _CHAIN, _key(entry.n), expires_at=expires_at)
        transaction.put(f"entry:{entry.n}", row, AuditRecord.part.does_not_exist())
    transaction.commit()


def _key(n: int) -> str:
    return f"{n:0{_DIGITS}d}"


def _retention_ms() -> int:
    return config().audit_days * clock.DAY


def entries(wanted: AuditFilter, *, before: int | None, limit: int) -> list[Entry]:
    """Up to `limit` entries before number `before`, newest first, without expired ones.

    `actor`, or else `target`, is matched by an index. The caller checks the other conditions, because it continues
    from the last entry read, matching or not.
    """
    rows_by: Any = AuditRecord
    partition = _CHAIN
    if wanted.actor is not None:
        rows_by, partition = AuditRecord.by_actor, wanted.actor
    elif wanted.target is not None:
        rows_by, partition = AuditRecord.by_target, wanted.target
    earlier = None if before is None else (AuditRecord.entry < _key(before))
    rows = rows_by.query(partition, earlier, scan_index_forward=False, limit=limit)
    return [_ENTRY.value(row) for row in rows if row.at > clock.now() - _retention_ms()]


def first() -> Entry | None:
    """The oldest entry within retention."""
    rows = AuditRecord.query(_CHAIN, filter_condition=AuditRecord.at > clock.now() - _retention_ms(), limit=1)
    return _ENTRY.found(next(iter(rows), None))
