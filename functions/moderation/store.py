"""Reports in DynamoDB: open and decided ones under separate sort-key prefixes, so that each queue is one query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from kernel import clock
from kernel.dynamo import Record
from kernel.reads import read_together
from kernel.records import IntegerAttribute, Mapper, ValueAttribute
from kernel.transactions import Transaction
from moderation.model import REPORT_LIFE_MS, Report

_OPEN, _DECIDED, _BY = "open#", "decided#", "by#"
_DECIDED_PER_WRITE = 45  # each takes two of a transaction's 100 actions


class ReportRecord(Record, table="reports"):
    """A report (`open#id` or `decided#id`), or the id of a reporter's report of a message (`by#message#reporter`).

    The second kind of row makes a reporter's report of a message unique.
    """

    conversation_id = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    expires_at = IntegerAttribute()  # seconds: DynamoDB's TTL
    message_id = UnicodeAttribute(null=True)
    sender_id = UnicodeAttribute(null=True)
    reporter_id = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    reported_at = IntegerAttribute(null=True)
    snapshot = ValueAttribute(dict, dict, null=True)
    state = UnicodeAttribute(null=True)
    decided_by = UnicodeAttribute(null=True)
    decided_at = IntegerAttribute(null=True)
    report_id = UnicodeAttribute(null=True)


_REPORT = Mapper(ReportRecord, Report, id=lambda record: record.entry.partition("#")[2])


def _record(report: Report) -> ReportRecord:
    prefix = _OPEN if report.state == "open" else _DECIDED
    return _REPORT.record(report, entry=f"{prefix}{report.id}", expires_at=_swept_at(report))


def _swept_at(report: Report) -> int:
    return (report.reported_at + REPORT_LIFE_MS) // clock.SECOND + 1


def _by(message_id: str, reporter_id: str) -> str:
    return f"{_BY}{message_id}#{reporter_id}"


def add(report: Report) -> None:
    """Save a new report; raises Cancelled (label `by`) if its reporter has reported that message before."""
    transaction = Transaction()
    transaction.put("report", _record(report))
    first = ReportRecord(
        report.conversation_id,
        _by(report.message_id, report.reporter_id),
        expires_at=_swept_at(report),
        report_id=report.id,
        reported_at=report.reported_at,
    )
    lapsed = ReportRecord.reported_at <= report.reported_at - REPORT_LIFE_MS
    transaction.put("by", first, ReportRecord.conversation_id.does_not_exist() | lapsed)
    transaction.commit()


def made_by(reporter_id: str) -> list[Report]:
    """The reports that a person has made of any messages, by a scan of the table."""
    rows = ReportRecord.scan((ReportRecord.reporter_id == reporter_id) & ReportRecord.reported_at.exists())
    return _REPORT.values(rows)


def find_by_reporter(conversation_id: str, message_id: str, reporter_id: str) -> Report | None:
    """One person's report of a message."""
    first = ReportRecord.find(conversation_id, _by(message_id, reporter_id))
    return None if first is None else find(conversation_id, first.report_id)


def find(conversation_id: str, report_id: str) -> Report | None:
    """A report, open or decided, in one round trip."""
    found = read_together([(ReportRecord, (conversation_id, f"{prefix}{report_id}")) for prefix in (_OPEN, _DECIDED)])
    return next(iter(_REPORT.values(found)), None)


def reports(conversation_id: str, *, is_open: bool, after: str | None, limit: int, now: int) -> list[Report]:
    """Open reports, oldest first, or decided ones, newest first."""
    prefix = _OPEN if is_open else _DECIDED
    rows = ReportRecord.query(
        conversation_id,
        ReportRecord.entry.startswith(prefix),
        filter_condition=ReportRecord.reported_at > now - REPORT_LIFE_MS,
        consistent_read=True,
        scan_index_forward=is_open,
        limit=limit,
        last_evaluated_key=None if after is None else ReportRecord.start(conversation_id, f"{prefix}{after}"),
    )
    return _REPORT.values(rows)


def open_about(conversation_id: str, message_id: str) -> list[Report]:
    """All open reports of one message: two round trips for up to 100."""
    rows = ReportRecord.query(
        conversation_id, ReportRecord.entry.startswith(f"{_BY}{message_id}#"), consistent_read=True
    )
    found = read_together([(ReportRecord, (conversation_id, f"{_OPEN}{row.report_id}")) for row in rows])
    return _REPORT.values(found)


def decide(before: Sequence[Report], after: Sequence[Report]) -> None:
    """Replace open reports by decided ones, 45 a transaction; raises Cancelled (label `open`) if one is decided."""
    pairs = list(zip(before, after, strict=True))
    for start in range(0, len(pairs), _DECIDED_PER_WRITE):
        transaction = Transaction()
        for old, new in pairs[start : start + _DECIDED_PER_WRITE]:
            transaction.delete("open", _record(old), ReportRecord.conversation_id.exists())
            transaction.put("decided", _record(new))
        transaction.commit()


def escalated(*, after: Any, limit: int, now: int) -> tuple[list[Report], Any]:
    """Escalated reports, and the key to continue from (None: no more). A scan: the table holds few reports."""
    kept = ReportRecord.reported_at > now - REPORT_LIFE_MS
    wanted = (ReportRecord.state == "escalated") & kept & ReportRecord.entry.startswith(_DECIDED)
    rows = ReportRecord.scan(wanted, limit=limit, last_evaluated_key=after, consistent_read=True)
    return _REPORT.values(list(rows)), rows.last_evaluated_key


def erase(conversation_id: str, _cursor: Any = None) -> None:
    """Delete the reports of an erased conversation, except escalated ones, which platform admins still have to judge.

    Those are deleted by their TTL.
    """
    state = ReportRecord.state
    ReportRecord.delete_found(conversation_id, None, state.does_not_exist() | (state != "escalated"))
