"""Group commit: events that several writers append at the same time share one transaction.

The writer whose turn it is plans on the head after all events of the batch, adds its own writes, and hands the batch
over to the next in the queue; the last writer commits and answers the others. Each event keeps its own seq, conditions
and deduplication. A batch is lost with the process that holds it, and fails as a whole: then its writers append again,
so a batch takes only plans that recognise events they have already made.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kernel import clock, telemetry
from kernel.records import known_fields
from kernel.transactions import TRANSACTION_MAX_ACTIONS, Cancelled, RightMissing, Transaction
from log import head_store
from log.model import Event, LogHead, MlsGroup

MAX_WRITERS = 16  # the first of them waits for all others
MAX_AGE_MS = 150  # then the batch is committed, as each handover takes long on a busy machine
MAX_BYTES = 100_000  # of a batch on its way through Redis

_event = known_fields(Event)
_head = known_fields(LogHead)
_group = known_fields(MlsGroup)


def head_of(kept: dict[str, Any]) -> LogHead:
    """The head of which `asdict` has made this dictionary."""
    return _head({**kept, "group": _group(kept["group"])})


@dataclass(slots=True)
class Batch:
    """Events of several writers that are committed together.

    `base` is the stored head, `head` the head after the batch. `numbers` are the places in the queue of the writers who
    wait for an answer. `writes` are all writes except the head's (`Transaction.packed`). `began_at` (ms) is by the
    clock of the first writer.
    """

    base: LogHead
    head: LogHead
    events: list[Event] = field(default_factory=list)
    writes: list[dict[str, Any]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    size: int = 0  # bytes as JSON, when it was handed over last
    began_at: int = field(default_factory=clock.now)

    def has_room_for(self, writes: Sequence[dict[str, Any]]) -> bool:
        """Whether the batch can take these writes: a transaction writes a record once, and has at most 100 actions."""
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
        """Whether the batch must be committed now."""
        late = clock.now() - self.began_at > MAX_AGE_MS
        return late or len(self.numbers) >= MAX_WRITERS or self.size > MAX_BYTES

    def commit(self) -> bool:
        """Write the whole batch or nothing; returns whether it was written.

        False if others have appended meanwhile, if a condition of a write failed, or if this function lacks the
        permission for one of the writes: the function that removes members, for example, may not write messages.
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
    """The message from one turn to the next: the present head, if known, or a batch to add to."""

    head: LogHead | None = None
    batch: Batch | None = None

    def dumps(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def loads(cls, text: str) -> Handover:
        """The message of the turn before; a damaged one is as none, and whoever waits in its batch appends again."""
        if not text:
            return cls()
        try:
            return cls._loads(text)
        except (ValueError, KeyError, TypeError) as error:
            telemetry.logger().warning("damaged handover", exc_info=error)
            return cls()

    @classmethod
    def _loads(cls, text: str) -> Handover:
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
