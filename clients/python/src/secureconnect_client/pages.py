"""Pages with more information than their items."""

from __future__ import annotations

from dataclasses import dataclass

from secureconnect_client.models import File, Message, Page, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptCounts:
    """How many members have received and read up to `seq`.

    `read` is None if the caller has read receipts turned off.
    """

    seq: int = 0
    members: int = 0
    delivered: int = 0
    read: int | None = None


@dataclass(frozen=True, slots=True)
class Receipts(Page[Receipt]):
    """Receipts of all members; above 200 members only the caller's, with `counts`."""

    counts: ReceiptCounts | None = None


@dataclass(frozen=True, slots=True)
class Hits(Page[Message | File]):
    """The results of a search, newest first."""

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(hit for hit in self.items if isinstance(hit, Message))

    @property
    def files(self) -> tuple[File, ...]:
        return tuple(hit for hit in self.items if isinstance(hit, File))
