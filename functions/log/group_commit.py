"""Group commit: what several people append at once is written in one transaction.

Who has the turn at a busy conversation plans on the head as it is after everybody in the batch, adds what it wants to
write, and hands the batch on to the next in the queue; the last of them commits it and answers the others. Each event
keeps its own place, condition and de-duplication. A batch is lost with whoever holds it, and it fails as a whole: then
each of its people appends alone, so only plans may be in it that find out by themselves what they have made already.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kernel import clock
from kernel.dynamo import TRANSACTION_MAX_ACTIONS, Cancelled, RightMissing, Transaction
from kernel.records import known_fields
from log import head_store
from log.model import Event, LogHead, MlsGroup

MOST = 16  # people; the first of them waits for all
LONGEST_MS = 150  # then it is committed, however many still wait: on a busy machine each hand takes its time
MAX_BYTES = 100_000  # of a batch on its way through Redis

_event = known_fields(Event)
_head = known_fields(LogHead)
_group = known_fields(MlsGroup)


def head_of(kept: dict[str, Any]) -> LogHead:
    """The head that `asdict` has made JSON of."""
    return _head({**kept, "group": _group(kept["group"])})


@dataclass(slots=True)
class Batch:
    """Events of several people that are to be committed together.

    `base` is the head as it is stored, `head` what it becomes. `numbers` are the places in the queue of who waits for
    an answer. `writes` is all but the head, packed (`Transaction.packed`). `began_at` is by the clock of who began it.
    """

    base: LogHead
    head: LogHead
    events: list[Event] = field(default_factory=list)
    writes: list[dict[str, Any]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    size: int = 0  # bytes of the writes and events as JSON, about
    began_at: int = field(default_factory=clock.now)

    def takes(self, writes: Sequence[dict[str, Any]]) -> bool:
        """Whether these fit in: a transaction writes a record once, and has at most 100 actions."""
        known = {each["record"]: each["sum"] for each in self.writes}
        clash = any(each["record"] in known and (each["sum"] is None or known[each["record"]] != each["sum"])
                    for each in writes)  # fmt: skip
        return not clash and len(self.writes) + len(writes) < TRANSACTION_MAX_ACTIONS

    def add(self, number: int, events: Sequence[Event], after: LogHead, writes: Sequence[dict[str, Any]]) -> None:
        self.numbers.append(number)
        self.events += events
        self.writes += writes
        self.head = after

    @property
    def is_full(self) -> bool:
        """Whether nobody else should add to it."""
        late = clock.now() - self.began_at > LONGEST_MS
        return late or len(self.numbers) >= MOST or self.size > MAX_BYTES

    def commit(self) -> bool:
        """Write all of it, or nothing; whether it is written.

        It is not where others have appended meanwhile, or where a condition or a right of one of the writes is missing:
        who removes members, say, may not write messages. What the senders do then is for `appending` to say.
        """
        transaction = Transaction()
        transaction.join(self.writes)
        head_store.stage_head(transaction, self.base, self.head)
        try:
            transaction.commit()
        except (RightMissing, Cancelled):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Handover:
    """What one turn leaves to the next: the head as it is now, if it is known, or a batch to add to."""

    head: LogHead | None = None
    batch: Batch | None = None

    def dumps(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def loads(cls, text: str) -> Handover:
        if not text:
            return cls()
        kept = json.loads(text)
        batch = kept["batch"]
        return cls(
            None if kept["head"] is None else head_of(kept["head"]),
            None
            if batch is None
            else Batch(
                base=head_of(batch["base"]),
                head=head_of(batch["head"]),
                events=[_event(each) for each in batch["events"]],
                writes=batch["writes"],
                numbers=batch["numbers"],
                size=len(text),
                began_at=batch["began_at"],
            ),
        )
