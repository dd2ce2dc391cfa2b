"""A person's conversations by their last activity, read page by page.

Their order depends on their heads, which are read for all of them; other records are read for one page only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from conversations import read_work, store
from conversations.model import MemberContext
from conversations.read_work import CONVERSATIONS_AT_ONCE
from log.model import LogHead

MAX_ROUNDS = 5  # of reads for a page, where a filter rejects conversations
Position = tuple[int, str]


@dataclass(slots=True)
class Listing:
    """A scan of up to 2,000 conversations: `order` are those after the previous page, `scanned` the number of them that
    this page has read. `older` is the id below which the next 2,000 begin; None if there are no more."""

    user_id: str
    limit: int
    below: str | None
    older: str | None
    order: list[Position]
    known: dict[str, MemberContext]
    scanned: int = 0

    @classmethod
    def of(cls, user_id: str, *, below: str | None, behind: Sequence[Any] | None, limit: int) -> Listing:
        """The conversations with ids below `below`, after the position `behind` in the order of activity."""
        ids = store.conversations_of(user_id, below=below, limit=CONVERSATIONS_AT_ONCE + 1)
        window, known = ids[:CONVERSATIONS_AT_ONCE], {}
        heads: dict[str, LogHead]
        if len(window) > 2 * limit:
            read_work.spend_on_records(user_id, len(window) + 3 * (limit + 1))
            heads = store.heads(window)
        else:
            read_work.spend_on_records(user_id, 3 * len(window))
            known = store.contexts(window, user_id)
            heads = {conversation_id: context.head for conversation_id, context in known.items()}
        order = sorted((-head.last_at, conversation_id) for conversation_id, head in heads.items())
        if behind is not None:
            order = [position for position in order if position > tuple(behind)]
        older = window[-1] if len(ids) > len(window) else None
        return cls(user_id, limit, below, older, order, known)

    def first(self, wanted: Callable[[MemberContext], bool]) -> list[MemberContext]:
        """The first `limit` conversations that are `wanted`, or fewer if the filter rejects many."""
        found: list[MemberContext] = []
        for turn in range(MAX_ROUNDS):
            some = [conversation_id for _, conversation_id in self.order[self.scanned : self.scanned + self.limit + 1]]
            if turn > 0 and not self.known:
                read_work.spend(self.user_id, read_work.units(3 * len(some)))
            contexts = self.known or store.contexts(some, self.user_id)
            for conversation_id in some:
                if len(found) == self.limit:
                    return found
                self.scanned += 1
                if conversation_id in contexts and wanted(contexts[conversation_id]):
                    found.append(contexts[conversation_id])
            if self.scanned == len(self.order):
                break
        return found

    def position(self, shown: Sequence[MemberContext], *, whole: bool) -> Any:
        """The position of the next page, after `shown`; `whole` if the page has all that was found."""
        if not whole:
            last = shown[-1]
            return [self.below, self._position(last.conversation_id)]
        if self.scanned < len(self.order):
            return [self.below, self.order[self.scanned - 1]]
        return None if self.older is None else [self.older, None]

    def _position(self, conversation_id: str) -> Position:
        return next(position for position in self.order if position[1] == conversation_id)
