"""Messages as a source of search.

The index is scanned per conversation, newest first and several conversations in parallel, beginning with those that
may hold something newer than the results so far. A proposed message is read from the log, and is a result if the
caller is a member now, may see it, and it still matches the query.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from conversations import api as conversations
from conversations.api import require_member
from conversations.model import MemberContext
from kernel import telemetry
from kernel.errors import RateLimited
from log import api as log
from log.model import Event
from messages import api as messages
from search import store as index
from search.indexing import text_of
from search.model import Hit, ParsedQuery, Position, SourcePage, words

PARALLEL_SCANS = 8  # pages
MAX_PAGES = 40  # per answer, beyond the first of each conversation; the cursor continues from there
# The cost of a conversation: its context and a first page of the index (up to 13 read units).
RECORDS_PER_SCAN = 15
PATIENCE_S = 3.0


@dataclass(slots=True)
class _ConversationScan:
    """The progress in one conversation: messages newer than `next_at` (ms) have been scanned."""

    context: MemberContext
    next_at: int
    below: tuple[int, int] | None
    over: bool = False
    looked: bool = False
    found: list[tuple[int, int]] = field(default_factory=list)

    @property
    def conversation_id(self) -> str:
        return self.context.conversation_id

    def scan_page(self, query: ParsedQuery) -> None:
        page = index.scan_page(self.conversation_id, query, below=self.below)
        self.looked = True
        first = self.context.member.visible_from
        self.found += [(at, seq) for at, seq in page.matching if seq >= first]
        self.below = page.scanned_to
        if page.scanned_to is None or page.scanned_to[1] < first:
            self.over = True
        else:
            self.next_at = page.scanned_to[0]

    def positions(self) -> list[Position]:
        return [_position(at, seq, self.conversation_id) for at, seq in self.found]


def _position(at: int, seq: int, conversation_id: str) -> Position:
    return at, f"{seq:010d}.{conversation_id}"


def _event_at(position: Position) -> tuple[str, int]:
    seq, _, conversation_id = position[1].partition(".")
    return conversation_id, int(seq)


def find(user_id: str, query: ParsedQuery, *, below: Position | None, limit: int) -> SourcePage:
    """The messages that match a query, in one conversation or in the caller's 2,000 youngest ones.

    Raises NotFound if the caller is not a member of the conversation in the query, LimitExceeded if the caller's
    reads of this minute are spent.
    """
    contexts = _contexts_for(user_id, query)
    start = None if below is None else (below[0] + 1, 0)  # hits of the same ms are compared with `below` later
    newest = [each.head.last_at if below is None else min(each.head.last_at, below[0]) for each in contexts]
    scans = [_ConversationScan(context, at, start) for context, at in zip(contexts, newest, strict=True)]
    pages, positions = _run(user_id, scans, query, below, limit)
    telemetry.count("SearchPages", pages)
    unseen = max((scan.next_at for scan in scans if not scan.over), default=None)
    scanned_to = None if unseen is None else (unseen + 1, "")
    if scanned_to is not None:
        positions = [position for position in positions if position >= scanned_to]
    if len(positions) > limit:
        positions = positions[:limit]
        scanned_to = positions[-1]
    return SourcePage(
        _hits(user_id, positions, query, {context.conversation_id: context for context in contexts}), scanned_to
    )


def _contexts_for(user_id: str, query: ParsedQuery) -> list[MemberContext]:
    if query.conversation_id is not None:
        return [require_member(query.conversation_id, user_id)]
    wanted_ids = conversations.conversations_of(user_id, limit=conversations.CONVERSATIONS_AT_ONCE)
    conversations.spend_on_records(user_id, RECORDS_PER_SCAN * len(wanted_ids))
    return list(conversations.contexts(wanted_ids, user_id).values())


def _run(
    user_id: str, scans: Sequence[_ConversationScan], query: ParsedQuery, below: Position | None, limit: int
) -> tuple[int, list[Position]]:
    """Scan until the newest `limit` hits are certain or the budget is spent; returns pages read and positions found.

    Every promising conversation is scanned at least once, so that each answer makes progress.
    """
    deadline = time.monotonic() + PATIENCE_S
    pages = 0
    positions: list[Position] = []
    with ThreadPoolExecutor(PARALLEL_SCANS) as threads:
        while True:
            oldest_wanted = positions[limit][0] if len(positions) > limit else -1
            promising = sorted(
                (scan for scan in scans if not scan.over and scan.next_at >= oldest_wanted),
                key=lambda scan: -scan.next_at,
            )
            if pages >= MAX_PAGES or time.monotonic() > deadline:
                promising = [scan for scan in promising if not scan.looked]
            turn = promising[:PARALLEL_SCANS]
            again = sum(scan.looked for scan in turn)
            if again and not _may_read(user_id, again):
                turn = [scan for scan in turn if not scan.looked]
            if not turn:
                return pages, positions
            list(threads.map(lambda scan: scan.scan_page(query), turn))
            pages += again
            found = (position for scan in scans for position in scan.positions())
            positions = sorted((each for each in found if below is None or each < below), reverse=True)


def _may_read(user_id: str, pages: int) -> bool:
    """Spend the caller's read work of this minute on further pages of the index; False if it does not suffice."""
    try:
        conversations.spend_read_work(user_id, pages)
    except RateLimited:
        return False
    return True


def _hits(
    user_id: str, positions: Sequence[Position], query: ParsedQuery, contexts: dict[str, MemberContext]
) -> list[Hit]:
    present = log.events_at(_event_at(position) for position in positions)
    visible = [
        (position, event)
        for position in positions
        if (event := present.get(_event_at(position))) is not None
        and _is_visible(event, query, contexts[event.conversation_id])
    ]
    rendered = messages.message_views([event for _, event in visible], user_id)
    return [
        Hit(position, {"kind": "message", **message}) for (position, _), message in zip(visible, rendered, strict=True)
    ]


def _is_visible(event: Event, query: ParsedQuery, context: MemberContext) -> bool:
    return (
        event.is_message
        and event.deleted_at is None
        and event.seq >= context.member.visible_from
        and query.matches(words(text_of(event)))
    )
