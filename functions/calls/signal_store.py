"""Signals in DynamoDB: an inbox per participant, numbered without gaps, kept for 60 s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from calls.model import Call
from calls.store import CALL, CallRecord
from kernel import clock
from kernel.dynamo import Record
from kernel.errors import DependencyUnavailable
from kernel.reads import read_together
from kernel.records import IntegerAttribute, Mapper
from kernel.resilience import retry_loop
from kernel.transactions import Cancelled, Transaction

KEPT_MS = 60 * clock.SECOND
COUNTER_KEPT_S = 24 * 3600  # longer than any call
PAGE_BYTES = 1_000_000
PAGE_SIGNALS = 100
PATIENCE_S = 5.0
_COUNTER = 0  # the sort key of the row that holds the last number


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal from one participant to another; `payload` is a JSON text, `at` in ms."""

    n: int
    sender: str
    kind: str
    payload: str
    at: int


class SignalRecord(Record, table="call_signals"):
    inbox = UnicodeAttribute(hash_key=True)
    n = IntegerAttribute(range_key=True)
    last = IntegerAttribute(null=True)
    sender = UnicodeAttribute(null=True)
    kind = UnicodeAttribute(null=True)
    payload = UnicodeAttribute(null=True)
    at = IntegerAttribute(null=True)
    expires_at = IntegerAttribute()


_SIGNAL = Mapper(SignalRecord, Signal)


def _inbox(call_id: str, participant_id: str) -> str:
    return f"{call_id}#{participant_id}"


def call_and_last(call_id: str, to: str) -> tuple[Call | None, int]:
    """A call and the last number in one of its inboxes, in one round trip."""
    call, counter = read_together([(CallRecord, (call_id,)), (SignalRecord, (_inbox(call_id, to), _COUNTER))])
    return CALL.found(call), 0 if counter is None else counter.last


def last(call_id: str, participant_id: str) -> int:
    """The last number in an inbox."""
    counter = SignalRecord.find(_inbox(call_id, participant_id), _COUNTER)
    return 0 if counter is None else counter.last


def put(call_id: str, to: str, *, last: int, sender: str, kind: str, payload: str) -> int:
    """Append a signal to an inbox; returns its number. `last` is the expected last number.

    A reader of number n finds all signals before it, because each is written together with the counter. Raises
    DependencyUnavailable when retries after concurrent signals are exhausted.
    """
    inbox = _inbox(call_id, to)
    for _ in retry_loop(PATIENCE_S, base_s=0.005, cap_s=0.2):
        now = clock.now()
        signal = Signal(last + 1, sender, kind, payload, now)
        try:
            _write(inbox, signal)
        except Cancelled as refused:
            counter = refused.failed.get("counter") or SignalRecord.find(inbox, _COUNTER)
            last = 0 if counter is None else counter.last
        else:
            return signal.n
    raise DependencyUnavailable("This participant gets too many signals at once; try again.", retry_after_s=1)


def _write(inbox: str, signal: Signal) -> None:
    now_s = signal.at // clock.SECOND
    counter = SignalRecord(inbox, _COUNTER)
    unchanged = SignalRecord.last == signal.n - 1 if signal.n > 1 else SignalRecord.last.does_not_exist()
    steps: list[Any] = [SignalRecord.last.set(signal.n), SignalRecord.expires_at.set(now_s + COUNTER_KEPT_S)]
    transaction = Transaction()
    transaction.update("counter", counter, steps, unchanged)
    expires_at = now_s + KEPT_MS // clock.SECOND + 1
    transaction.put("signal", _SIGNAL.record(signal, inbox, expires_at=expires_at))
    transaction.commit()


def after(call_id: str, participant_id: str, n: int) -> list[Signal]:
    """The signals after number `n` that are at most 60 s old, ascending; at most 1 MB or 100 signals."""
    oldest = clock.now() - KEPT_MS
    found: list[Signal] = []
    size = 0
    rows = SignalRecord.query(
        _inbox(call_id, participant_id), SignalRecord.n > max(n, _COUNTER), consistent_read=True, page_size=PAGE_SIGNALS
    )
    for row in rows:
        size += len(row.payload)
        if found and (size > PAGE_BYTES or len(found) == PAGE_SIGNALS):
            break
        if row.at >= oldest:
            found.append(_SIGNAL.value(row))
    return found
