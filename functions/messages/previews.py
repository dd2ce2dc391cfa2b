"""What conversations show of messages: the last one and what is unread. Behind the port of `conversations.ports`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conversations.api import Preview
from conversations.model import ConversationInfo, Member, MemberContext
from log import api as log
from log.api import Rows
from log.model import LogHead
from messages import receipts, unread, views


def previews(contexts: Sequence[MemberContext], viewer_id: str) -> Mapping[str, Preview]:
    """By conversation: one round trip, two if last messages have reactions or hold something, and the counts."""
    last = log.events_at(_last_message(each) for each in contexts if _sees_last_message(each))
    look = views.looks(last.values(), [viewer_id], Rows())
    counts = unread.of_contexts(contexts)

    def preview(context: MemberContext) -> Preview:
        message, count = last.get(_last_message(context)), counts[context.conversation_id]
        return Preview(None if message is None else look(message, viewer_id), count.messages, count.mentions)

    return {each.conversation_id: preview(each) for each in contexts}


def _last_message(context: MemberContext) -> tuple[str, int]:
    return context.conversation_id, context.head.last_message_seq


def _sees_last_message(context: MemberContext) -> bool:
    return context.head.last_message_seq >= context.member.visible_from


def previews_of_members(head: LogHead, info: ConversationInfo, members: Sequence[Member]) -> Mapping[str, Preview]:
    """By person, for members of one conversation: its last message and its unread part are read once for all."""
    message = log.events_at([(head.conversation_id, head.last_message_seq)]).get(
        (head.conversation_id, head.last_message_seq)
    )
    look = views.looks([] if message is None else [message], [member.user_id for member in members], Rows())
    counts = unread.of_members(head, members)

    def preview(member: Member) -> Preview:
        sees = message is not None and _sees_last_message(MemberContext(head, info, member))
        count = counts[member.user_id]
        return Preview(look(message, member.user_id) if sees and message else None, count.messages, count.mentions)

    return {member.user_id: preview(member) for member in members}


note_delivered = receipts.note_delivered
