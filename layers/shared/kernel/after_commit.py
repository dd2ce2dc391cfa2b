"""Follow-up work: work that a committed change requires and that cannot be part of its transaction.

The work is written in the transaction (`FollowUp.stage`) and done right after the commit (`complete`). If that fails,
because the process ended or a dependency did not answer, `sweep` does it later. A domain registers one function for
each kind of its work. The function reads the present state, because it may run late, more than once, or concurrently
with itself. Long work is done in steps of a few seconds: the function returns the remaining work, which is stored
before the next step.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute

from kernel import clock, ids, telemetry
from kernel.dynamo import Record
from kernel.records import IntegerAttribute, Mapper
from kernel.transactions import Transaction

Work = Mapping[str, Any]

SHARDS = range(4)
GRACE_MS = clock.MINUTE  # the time that the committing process has before the sweep takes over
RETRY_MAX_MS = clock.HOUR
_BATCH = 100

Do = Callable[[Work], Work | None]
_kinds: dict[str, Do] = {}


class FollowUpRecord(Record, table="follow_ups", group="log"):
    """Follow-up work that is not finished; `due` is the time and the id, so that rows sort by time."""

    shard = IntegerAttribute(hash_key=True)
    due = UnicodeAttribute(range_key=True)
    kind = UnicodeAttribute()
    work = JSONAttribute()
    noted_at = IntegerAttribute()
    tries = IntegerAttribute(default=0)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Work to do after a commit: `work` is a JSON object, `noted_at` in ms."""

    shard: int
    due: str
    kind: str
    work: Work
    noted_at: int
    tries: int = 0

    @classmethod
    def of(cls, kind: str, work: Work) -> FollowUp:
        """New work of a registered kind; raises LookupError for an unknown kind."""
        if kind not in _kinds:
            raise LookupError(f"no function is registered for follow-up work of the kind {kind!r}")
        now, follow_up_id = clock.now(), ids.new("fup")
        shard = zlib.crc32(follow_up_id.encode()) % len(SHARDS)
        return cls(shard, _due(now + GRACE_MS, follow_up_id), kind, work, now)

    def stage(self, transaction: Transaction) -> None:
        """Store the work in the transaction of the change that requires it."""
        transaction.put("follow-up", _follow_ups.record(self))

    def keep(self) -> None:
        """Store work that must be done unless a later change cancels it (`stage_off`)."""
        _follow_ups.record(self).save()

    def stage_off(self, transaction: Transaction) -> None:
        """Cancel the work in the transaction of a change that makes it unnecessary.

        The label is `follow-up`; the transaction fails if the work was done before.
        """
        transaction.delete("follow-up", _follow_ups.record(self), FollowUpRecord.kind.exists())

    def complete(self) -> None:
        """Do the work now that the change has committed. Never raises: work that fails is left to the sweep."""
        try:
            self.carry_out()
        except Exception as error:  # the change is committed, and the work is stored
            telemetry.count("FollowUpsLeft")
            telemetry.logger().warning("left to the sweep", exc_info=error, extra={"kind": self.kind})

    def carry_out(self) -> bool:
        """Do the work, or its next step, and store what remains; returns whether nothing remains."""
        left = _kinds[self.kind](self.work)
        if left is None:
            _follow_ups.record(self).delete()
        else:
            rest = replace(self, work=left, noted_at=clock.now(), tries=0)
            _follow_ups.record(rest).save_if(FollowUpRecord.kind.exists())
        return left is None

    def postpone(self) -> None:
        """Schedule another try: after 1, 2, 4 … 60 minutes."""
        delay_ms = min(RETRY_MAX_MS, clock.MINUTE << min(self.tries, 6))
        due = _due(clock.now() + delay_ms, self.due.rpartition("#")[2])
        later = replace(self, due=due, tries=self.tries + 1)
        transaction = Transaction()
        transaction.delete("earlier", _follow_ups.record(self))
        later.stage(transaction)
        transaction.commit()


_follow_ups = Mapper(FollowUpRecord, FollowUp)


def _due(at: int, follow_up_id: str) -> str:
    return f"{at:013d}#{follow_up_id}"


def register(kind: str, do: Do) -> None:
    """Register `do` for the follow-up work of this kind; it returns the remaining work, None if it is finished."""
    _kinds[kind] = do


def touch() -> None:
    """Read from the table of follow-up work, to check that it answers."""
    FollowUpRecord.find(0, "health")


@dataclass(slots=True)
class Swept:
    """The results of a sweep; `lag_ms` is the longest time that any work it found had waited for its next step."""

    done: int = 0
    failed: int = 0
    lag_ms: int = 0
    begun: bool = False


def sweep(*, patience_s: float) -> Swept:
    """Do overdue work, longest overdue first, for at most `patience_s` seconds.

    Work of many steps gets one step in each round over all overdue work, so it delays no other work.
    """
    until, swept = time.monotonic() + patience_s, Swept(begun=True)
    while swept.begun and time.monotonic() < until:
        swept.begun = False
        _sweep_round(swept, until)
    return swept


def _sweep_round(swept: Swept, until: float) -> None:
    """Do all overdue work, or one step of it; `begun` is set if steps remain."""
    for shard in SHARDS:
        rows = FollowUpRecord.query(
            shard, FollowUpRecord.due < _due(clock.now(), ""), consistent_read=True, page_size=_BATCH
        )
        for follow_up in map(_follow_ups.value, rows):
            if time.monotonic() > until:
                return
            swept.lag_ms = max(swept.lag_ms, clock.now() - follow_up.noted_at)
            try:
                if follow_up.carry_out():
                    swept.done += 1
                else:
                    swept.begun = True
            except Exception as error:  # the sweep goes on with the others
                swept.failed += 1
                telemetry.logger().error("follow-up failed", exc_info=error, extra={"kind": follow_up.kind})
                follow_up.postpone()
