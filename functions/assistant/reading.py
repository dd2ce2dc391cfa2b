"""Reading messages for AI help with the caller's rights: visible, not deleted, expired or encrypted ones.

The only module of this domain that knows how messages are stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from assistant import consent
from assistant.model import MAX_LINES, Line
from conversations import api as conversations
from conversations.model import MemberContext
from kernel import clock, ids
from kernel.errors import NotFound
from log import api as log
from log.model import Event
from messages import api as messages
from users import api as users

_READ_TYPES = ("text", "file")


def line_of(event: Event | None) -> Line | None:
    """A message as a line; None without a text that may be read."""
    if event is None or not event.is_message or event.deleted_at is not None or not (event.text or "").strip():
        return None
    if event.data["type"] not in _READ_TYPES:
        return None
    return Line(
        message_id=event.data["id"],
        conversation_id=event.conversation_id,
        seq=event.seq,
        sender_id=event.actor_id,
        text=event.text or "",
        at=event.at,
        reply_to=event.data.get("reply_to"),
        reactions=sum(count for count in event.reactions.values() if count > 0),
        mentions=frozenset(event.data.get("mentions", ())),
        mentions_all=bool(event.data.get("everyone")),
        pinned=event.pinned,
    )


def lines_of(events: Iterable[Event]) -> list[Line]:
    return [line for event in events if (line := line_of(event)) is not None]


def lines_after(context: MemberContext, seq: int, *, limit: int = MAX_LINES) -> list[Line]:
    """The newest messages after a seq that the member may see, oldest first: one round trip."""
    first, last = max(context.member.visible_from, seq + 1), context.head.last_message_seq
    if last < first:
        return []
    found = log.messages(context.conversation_id, first, last, newest_first=True, limit=limit)
    return lines_of(reversed(found))


def thread(context: MemberContext, root_id: str) -> list[Line]:
    """A message and the replies in its thread, as far as the member may see them; raises NotFound."""
    root = message(context, root_id)
    last = context.head.last_message_seq
    found = log.messages(context.conversation_id, root.seq + 1, last, newest_first=True, limit=MAX_LINES)
    return [root, *lines_of(event for event in reversed(found) if event.thread_root == root_id)]


def message(context: MemberContext, message_id: str) -> Line:
    """One message that the member may see; raises NotFound."""
    seq = ids.position(message_id) if ids.is_id(message_id, "msg") else None
    if seq is None or not context.member.visible_from <= seq <= context.head.last_seq:
        raise NotFound
    line = line_of(log.event_at(context.conversation_id, seq))
    if line is None or line.message_id != message_id:
        raise NotFound
    return line


def conversation_of(user_id: str, message_id: str) -> str:
    """The person's conversation that has a message which they may see; raises NotFound.

    The id contains the seq, which is read in each of their conversations, 100 per round trip.
    """
    seq = ids.position(message_id) if ids.is_id(message_id, "msg") else None
    if seq is None:
        raise NotFound
    theirs = conversations.conversations_of(user_id)
    found = log.events_at((conversation_id, seq) for conversation_id in theirs)
    for (conversation_id, _), event in found.items():
        if event.is_message and event.data["id"] == message_id and event.deleted_at is None:
            context = conversations.context(conversation_id, user_id)
            if seq >= context.member.visible_from:
                return conversation_id
    raise NotFound


def with_context(contexts: dict[str, MemberContext], places: Iterable[tuple[str, int]]) -> list[Line]:
    """The messages at these (conversation, seq) with three before and four after each, in the order of the log."""
    wanted = {
        (conversation_id, near)
        for conversation_id, seq in places
        if (context := contexts.get(conversation_id)) is not None
        for near in range(max(seq - 3, context.member.visible_from, 1), min(seq + 5, context.head.last_seq + 1))
    }
    return lines_of(event for _, event in sorted(log.events_at(wanted).items()))


def still_readable(user_id: str, lines: Sequence[Line]) -> set[str]:
    """The ids of those messages that are unchanged and that the person may still read: two round trips."""
    present = log.events_at((line.conversation_id, line.seq) for line in lines)
    contexts = conversations.contexts(list(dict.fromkeys(line.conversation_id for line in lines)), user_id)
    found = set()
    for line in lines:
        context = contexts.get(line.conversation_id)
        now = line_of(present.get((line.conversation_id, line.seq)))
        if context is None or now is None or now.text != line.text or line.seq < context.member.visible_from:
            continue
        if consent.covers(context.info):
            found.add(line.message_id)
    return found


def names_of(lines: Iterable[Line]) -> dict[str, str]:
    """The display names of these lines' senders."""
    people = users.public_profiles(dict.fromkeys(line.sender_id for line in lines))
    return {user_id: person.display_name for user_id, person in people.items()}


def unread_conversations(contexts: dict[str, MemberContext]) -> list[tuple[MemberContext, Any]]:
    """The conversations with unread messages and their counts, the most important first."""
    counts = messages.unread_of(list(contexts.values()))
    unread = [(context, counts[name]) for name, context in contexts.items() if counts[name].messages]
    now = clock.now()

    def importance(each: tuple[MemberContext, Any]) -> tuple[bool, int, bool, int]:
        context, count = each
        muted = context.member.is_muted(now)
        return (muted, -count.mentions, context.info.kind != "direct", -count.messages)

    return sorted(unread, key=importance)
