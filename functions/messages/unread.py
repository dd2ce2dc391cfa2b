"""Unread messages and mentions, counted from the log (R5): exact, in parts that are read at the same time.

The seqs behind a read marker are dense, so they are cut into spans, and the spans of all conversations asked for are
counted in parallel: the time grows with the sixteenth part of what is unread, not with all of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conversations.model import Member, MemberContext
from kernel import parallel
from log.model import EVERYONE, LogHead
from messages import unread_store
from messages.unread_store import Counted

SPAN_SEQS = 2_000  # about a megabyte of events, which is what one page of a query reads


@dataclass(frozen=True, slots=True)
class Unread:
    """How many messages of others after the read marker stand undeleted, and how many of them mention the reader, but
    for those of people of whom the reader hears nothing."""

    messages: int = 0
    mentions: int = 0


def of_contexts(contexts: Sequence[MemberContext]) -> dict[str, Unread]:
    """By conversation, for one person's contexts: no read for those whose last message is read."""
    spans = [
        (context, first, last) for context in contexts for first, last in _spans(_after(context.member), context.head)
    ]
    totals: dict[str, list[Counted]] = defaultdict(list)
    counted = parallel.mapped(lambda span: unread_store.count(span[0].member, first=span[1], last=span[2]), spans)
    for (context, _, _), count in zip(spans, counted, strict=True):
        totals[context.conversation_id].append(count)
    return {
        context.conversation_id: _total(totals[context.conversation_id], context.member.user_id) for context in contexts
    }


def of_context(context: MemberContext) -> Unread:
    return of_contexts([context])[context.conversation_id]


def of_members(head: LogHead, members: Iterable[Member]) -> dict[str, Unread]:
    """By person, for members of one conversation: their part of the log is read once for all of them."""
    readers = {member.user_id: member for member in members}
    after = {user_id: _after(member) for user_id, member in readers.items()}
    if not after:
        return {}
    spans = _spans(min(after.values()), head)
    standing = [
        each
        for part in parallel.mapped(
            lambda span: unread_store.standing(head.conversation_id, first=span[0], last=span[1]), spans
        )
        for each in part
    ]

    def unread(user_id: str) -> Unread:
        theirs = [each for each in standing if each.seq > after[user_id] and each.actor_id != user_id]
        heard = [each for each in theirs if readers[user_id].hears("mention", each.actor_id)]
        return Unread(len(theirs), sum(_mentions(each.mentioned, user_id) for each in heard))

    return {user_id: unread(user_id) for user_id in after}


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
