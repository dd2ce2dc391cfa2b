"""Follow-up work: what a committed change calls for that cannot be part of its transaction.

It is written in the transaction (`FollowUp.stage`), done right after it (`complete`), and done by `sweep` where that
failed: the process ended, or something it needed did not answer. A domain registers a function for each kind of its
work; it reads what is so by then, as it may run late, twice, or beside itself. Work that is long is done in steps of a
few seconds: the function returns what is left, which is written down before it goes on.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute

from kernel import clock, ids, telemetry
from kernel.dynamo import Record, TableName, Transaction
from kernel.records import IntegerAttribute, Mapper

Work = Mapping[str, Any]

SHARDS = range(4)
GRACE_MS = clock.MINUTE  # so long the process that has committed may take
RETRY_MAX_MS = clock.HOUR
_BATCH = 100

Do = Callable[[Work], Work | None]
_kinds: dict[str, Do] = {}


class FollowUpRecord(Record):
    """Work that has not been seen to be done; `due` sorts by time and holds the id."""

    class Meta:
        table_name = TableName("follow_ups", "log")

    shard = IntegerAttribute(hash_key=True)
    due = UnicodeAttribute(range_key=True)
    kind = UnicodeAttribute()
    work = JSONAttribute()
    noted_at = IntegerAttribute()
    tries = IntegerAttribute(default=0)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Work to be done after a commit: `work` is a JSON object, `noted_at` in ms."""

    shard: int
    due: str
    kind: str
    work: Work
    noted_at: int
    tries: int = 0

    @classmethod
    def of(cls, kind: str, work: Work) -> FollowUp:
        """New work of a registered kind."""
        if kind not in _kinds:
            raise LookupError(f"no function is registered for follow-up work of the kind {kind!r}")
        now, follow_up_id = clock.now(), ids.new("fup")
        shard = zlib.crc32(follow_up_id.encode()) % len(SHARDS)
        return cls(shard, _due(now + GRACE_MS, follow_up_id), kind, work, now)

    def stage(self, transaction: Transaction) -> None:
        """Write the work down with the change that calls for it."""
        transaction.put("follow-up", _follow_ups.record(self))

    def keep(self) -> None:
        """Write down work that must be done unless a change that is to follow takes it back (`stage_off`)."""
        _follow_ups.record(self).save()

    def stage_off(self, transaction: Transaction) -> None:
        """Take the work back with a change that makes it needless, unless it has been done (label `follow-up`)."""
        transaction.delete("follow-up", _follow_ups.record(self), FollowUpRecord.kind.exists())

    def complete(self) -> None:
        """Do the work now that the change has committed. Never raises: what fails is left to the sweep."""
        try:
            self.carry_out()
        except Exception as error:  # the change is committed, and the work is written down
            telemetry.count("FollowUpsLeft")
            telemetry.logger().warning("left to the sweep", exc_info=error, extra={"kind": self.kind})

    def carry_out(self) -> bool:
        """Do the work, or its next step, and write down what is left of it; whether that is nothing."""
        left = _kinds[self.kind](self.work)
        if left is None:
            _follow_ups.record(self).delete()
        else:
            rest = replace(self, work=left, noted_at=clock.now(), tries=0)
            _follow_ups.record(rest).save_if(FollowUpRecord.kind.exists())
        return left is None

    def postpone(self) -> None:
        """Have it tried again later: after 1, 2, 4 … 60 minutes."""
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
    """Let `do` carry out the follow-up work of this kind; it returns what is left, None for nothing."""
    _kinds[kind] = do


def touch() -> None:
    """Read where follow-up work is written down, to see that it answers."""
    FollowUpRecord.find(0, "health")


@dataclass(slots=True)
class Swept:
    """What a sweep has done; `lag_ms` is for how long the work that it found had not been moved on, at the most."""

    done: int = 0
    failed: int = 0
    lag_ms: int = 0
    begun: bool = False


def sweep(*, patience_s: float) -> Swept:
    """Do what is due and was not done by who committed it, the longest due first, for so long at the most.

    Work of many steps gets one in each round over everything that is due, so it holds up no other.
    """
    until, swept = time.monotonic() + patience_s, Swept(begun=True)
    while swept.begun and time.monotonic() < until:
        swept.begun = False
        _sweep_round(swept, until)
    return swept


def _sweep_round(swept: Swept, until: float) -> None:
    """Everything that is due, or one step of it; `begun` tells whether steps are left."""
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
            except Exception as error:  # the others are not held up
                swept.failed += 1
                telemetry.logger().error("follow-up failed", exc_info=error, extra={"kind": follow_up.kind})
                follow_up.postpone()
