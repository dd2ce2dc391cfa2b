"""Unread messages and mentions, counted exactly from the log (R5).

The dense seqs after a read marker are divided into spans, and the spans of all conversations are counted in parallel,
sixteen at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from conversations import api as conversations
from conversations.model import Member, MemberContext
from kernel import parallel
from log.model import EVERYONE, LogHead
from messages.reading import unread_store
from messages.reading.unread_store import Counted, CountedMessage

SPAN_SEQS = 2_000  # about a megabyte of events, which is what one page of a query reads


@dataclass(frozen=True, slots=True)
class Unread:
    """How many messages of others after the read marker stand undeleted, and how many of them mention the reader, but
    those of people whose mentions the reader does not receive."""

    messages: int = 0
    mentions: int = 0


def of_contexts(contexts: Sequence[MemberContext]) -> dict[str, Unread]:
    """One person's unread counts by conversation; nothing is read for conversations without unread messages."""
    spans = [
        (context, first, last) for context in contexts for first, last in _spans(_after(context.member), context.head)
    ]
    totals: dict[str, list[Counted]] = defaultdict(list)
    if spans:
        count = unread_store.counter([context.member for context, _, _ in spans])
        counted = parallel.mapped(lambda span: count(span[0].member, span[1], span[2]), spans)
        for (context, _, _), part in zip(spans, counted, strict=True):
            totals[context.conversation_id].append(part)
    return {
        context.conversation_id: _total(totals[context.conversation_id], context.member.user_id) for context in contexts
    }


def of_context(context: MemberContext) -> Unread:
    return of_contexts([context])[context.conversation_id]


def of_members(head: LogHead, members: Sequence[Member]) -> dict[str, Unread]:
    """The unread counts of one conversation by member; their part of the log is read once."""
    undeleted = [message for read in parallel.mapped(_call, _reads(head, members)) for message in read]
    return {each.user_id: _unread(each, undeleted) for each in members}


def of_people(user_ids: Sequence[str], *, fresh: str | None) -> dict[str, int]:
    """The unread messages of several people in all their conversations, by person: three round trips.

    The conversation `fresh` is read consistently, the others eventually.
    """
    behind: list[tuple[LogHead, list[Member]]] = []
    for head, members in conversations.memberships_of(user_ids, fresh=fresh):
        late = [each for each in members if _after(each) < head.last_message_seq]
        if late:
            behind.append((head, late))
    infos = partial(conversations.infos, [head.conversation_id for head, _ in behind])
    reads = [(members, read) for head, members in behind for read in _reads(head, members)]
    asked: list[Callable[[], Any]] = [infos, *(read for _, read in reads)]
    there, *parts = parallel.mapped(_call, asked)
    total = dict.fromkeys(user_ids, 0)
    for (members, _), undeleted in zip(reads, parts, strict=True):
        for each in members:
            if each.conversation_id in there:
                total[each.user_id] += _unread(each, undeleted).messages
    return total


def _reads(head: LogHead, members: Sequence[Member]) -> list[Callable[[], Any]]:
    """The calls that read the messages after the earliest of these members' markers, one per span."""
    spans = _spans(min((_after(each) for each in members), default=head.last_message_seq), head)
    return [partial(unread_store.undeleted, head.conversation_id, first=first, last=last) for first, last in spans]


def _call(read: Callable[[], Any]) -> Any:
    return read()


def _unread(reader: Member, undeleted: Sequence[CountedMessage]) -> Unread:
    theirs = [each for each in undeleted if each.seq > _after(reader) and each.actor_id != reader.user_id]
    received = [each for each in theirs if reader.receives("mention", each.actor_id)]
    return Unread(len(theirs), sum(_mentions(each.mentioned, reader.user_id) for each in received))


def _after(member: Member) -> int:
    return max(member.read_seq, member.visible_from - 1)


def _spans(after: int, head: LogHead) -> list[tuple[int, int]]:
    last = head.last_message_seq
    return [(first, min(first + SPAN_SEQS - 1, last)) for first in range(after + 1, last + 1, SPAN_SEQS)]


def _total(parts: Sequence[Counted], user_id: str) -> Unread:
    return Unread(
        sum(part.count for part in parts),
        sum(_mentions(mentioned, user_id) for part in parts for mentioned in part.mentioned),
    )


def _mentions(mentioned: frozenset[str], user_id: str) -> bool:
    return user_id in mentioned or EVERYONE in mentioned
