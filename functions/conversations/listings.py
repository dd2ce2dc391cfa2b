"""A person's conversations by their last activity, read for one page at a time.

Where they lie in that order is known only by their heads, which are read for all; the rest is read for those alone that
the page shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from conversations import read_work, store
from conversations.model import MemberContext
from conversations.read_work import CONVERSATIONS_AT_ONCE
from log.model import LogHead

TURNS = 5  # so often further ones are read for a page, where those read before do not belong to it
Position = tuple[int, str]


@dataclass(slots=True)
class Listing:
    """The way through up to 2,000 conversations: `order` are those behind the page before, `looked` how many of them
    have been looked at. `older` names the youngest 2,000, behind which there are more; None where there are not."""

    user_id: str
    limit: int
    below: str | None
    older: str | None
    order: list[Position]
    known: dict[str, MemberContext]
    looked: int = 0

    @classmethod
    def of(cls, user_id: str, *, below: str | None, behind: Sequence[Any] | None, limit: int) -> Listing:
        """The conversations older than `below`, behind the position `behind` in the order of their activity."""
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
        """The first of them that are wanted: as many as a page has, or fewer where many are not."""
        found: list[MemberContext] = []
        for turn in range(TURNS):
            some = [conversation_id for _, conversation_id in self.order[self.looked : self.looked + self.limit + 1]]
            if turn > 0 and not self.known:
                read_work.spend(self.user_id, read_work.units(3 * len(some)))
            contexts = self.known or store.contexts(some, self.user_id)
            for conversation_id in some:
                if len(found) == self.limit:
                    return found
                self.looked += 1
                if conversation_id in contexts and wanted(contexts[conversation_id]):
                    found.append(contexts[conversation_id])
            if self.looked == len(self.order):
                break
        return found

    def position(self, shown: Sequence[MemberContext], *, whole: bool) -> Any:
        """Where the next page begins, if it is behind `shown`; `whole`: nothing of what was found is left."""
        if not whole:
            last = shown[-1]
            return [self.below, self._position(last.conversation_id)]
        if self.looked < len(self.order):
            return [self.below, self.order[self.looked - 1]]
        return None if self.older is None else [self.older, None]

    def _position(self, conversation_id: str) -> Position:
        return next(position for position in self.order if position[1] == conversation_id)
