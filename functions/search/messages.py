"""Messages as something to search: the index proposes, the log and the caller's contexts decide.

The index is read conversation by conversation, newest first, several at a time: those first that can still hold
something newer than what was found. What it proposes is shown as it stands in the log at that moment, if the caller is
a member now, may see it, and it still answers the query.
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
from search.model import Found, Hit, Position, Wanted, words

AT_ONCE = 8  # pages read side by side
MAX_PAGES = 40  # beyond the first one of each conversation, for one answer; a cursor leads on from there
# What a conversation costs that is looked into: its context, and a first page of the index (up to 13 read units).
RECORDS_OF_A_LOOK = 15
PATIENCE_S = 3.0


@dataclass(slots=True)
class _ConversationScan:
    """How far one conversation has been looked through: `next_at` is the newest that may still be found."""

    context: MemberContext
    next_at: int
    below: tuple[int, int] | None
    over: bool = False
    looked: bool = False
    found: list[tuple[int, int]] = field(default_factory=list)

    @property
    def conversation_id(self) -> str:
        return self.context.conversation_id

    def scan_page(self, wanted: Wanted) -> None:
        page = index.scan_page(self.conversation_id, wanted, below=self.below)
        self.looked = True
        first = self.context.member.visible_from
        self.found += [(at, seq) for at, seq in page.matching if seq >= first]
        self.below = page.looked_to
        if page.looked_to is None or page.looked_to[1] < first:
            self.over = True
        else:
            self.next_at = page.looked_to[0]

    def positions(self) -> list[Position]:
        return [_position(at, seq, self.conversation_id) for at, seq in self.found]


def _position(at: int, seq: int, conversation_id: str) -> Position:
    return at, f"{seq:010d}.{conversation_id}"


def _event_at(position: Position) -> tuple[str, int]:
    seq, _, conversation_id = position[1].partition(".")
    return conversation_id, int(seq)


def find(user_id: str, wanted: Wanted, *, below: Position | None, limit: int) -> Found:
    """The caller's messages that answer a query, in all conversations in the youngest 2,000 of them.

    Raises NotFound if it names a conversation that is not theirs, LimitExceeded for who has too much read a minute.
    """
    contexts = _contexts_for(user_id, wanted)
    start = None if below is None else (below[0] + 1, 0)  # what lies at the very same time is sorted out below
    newest = [each.head.last_at if below is None else min(each.head.last_at, below[0]) for each in contexts]
    scans = [_ConversationScan(context, at, start) for context, at in zip(contexts, newest, strict=True)]
    pages, positions = _run(user_id, scans, wanted, below, limit)
    telemetry.count("SearchPages", pages)
    unseen = max((scan.next_at for scan in scans if not scan.over), default=None)
    looked_to = None if unseen is None else (unseen + 1, "")
    if looked_to is not None:
        positions = [position for position in positions if position >= looked_to]
    if len(positions) > limit:
        positions = positions[:limit]
        looked_to = positions[-1]
    return Found(
        _hits(user_id, positions, wanted, {context.conversation_id: context for context in contexts}), looked_to
    )


def _contexts_for(user_id: str, wanted: Wanted) -> list[MemberContext]:
    if wanted.conversation_id is not None:
        return [require_member(wanted.conversation_id, user_id)]
    wanted_ids = conversations.conversations_of(user_id, limit=conversations.CONVERSATIONS_AT_ONCE)
    conversations.spend_on_records(user_id, RECORDS_OF_A_LOOK * len(wanted_ids))
    return list(conversations.contexts(wanted_ids, user_id).values())


def _run(
    user_id: str, scans: Sequence[_ConversationScan], wanted: Wanted, below: Position | None, limit: int
) -> tuple[int, list[Position]]:
    """Look through the conversations until the newest are sure, or it is enough; pages read and what was found.

    What may hold something is looked into once in any case, so that each answer leads on from where it began.
    """
    deadline = time.monotonic() + PATIENCE_S
    pages = 0
    positions: list[Position] = []
    with ThreadPoolExecutor(AT_ONCE) as threads:
        while True:
            oldest_wanted = positions[limit][0] if len(positions) > limit else -1
            promising = sorted(
                (scan for scan in scans if not scan.over and scan.next_at >= oldest_wanted),
                key=lambda scan: -scan.next_at,
            )
            if pages >= MAX_PAGES or time.monotonic() > deadline:
                promising = [scan for scan in promising if not scan.looked]
            turn = promising[:AT_ONCE]
            again = sum(scan.looked for scan in turn)
            if again and not _may_read(user_id, again):
                turn = [scan for scan in turn if not scan.looked]
            if not turn:
                return pages, positions
            list(threads.map(lambda scan: scan.scan_page(wanted), turn))
            pages += again
            found = (position for scan in scans for position in scan.positions())
            positions = sorted((each for each in found if below is None or each < below), reverse=True)


def _may_read(user_id: str, pages: int) -> bool:
    """Whether so many more pages of the index may be read for this person in this minute."""
    try:
        conversations.spend_read_work(user_id, pages)
    except RateLimited:
        return False
    return True


def _hits(user_id: str, positions: Sequence[Position], wanted: Wanted, contexts: dict[str, MemberContext]) -> list[Hit]:
    present = log.events_at(_event_at(position) for position in positions)
    standing = [
        (position, event)
        for position in positions
        if (event := present.get(_event_at(position))) is not None
        and _may_be_shown(event, wanted, contexts[event.conversation_id])
    ]
    shown = messages.message_views([event for _, event in standing], user_id)
    return [
        Hit(position, {"kind": "message", **message}) for (position, _), message in zip(standing, shown, strict=True)
    ]


def _may_be_shown(event: Event, wanted: Wanted, context: MemberContext) -> bool:
    return (
        event.is_message
        and event.deleted_at is None
        and event.seq >= context.member.visible_from
        and wanted.matches(words(text_of(event)))
    )
