"""Previews of conversations: the last message and unread counts. Implements the port of `conversations.ports`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conversations.api import Preview
from conversations.model import ConversationInfo, Member, MemberContext
from log import api as log
from log.api import Rows
from log.model import LogHead
from messages import views
from messages.reading import receipts, unread


def previews(contexts: Sequence[MemberContext], viewer_id: str) -> Mapping[str, Preview]:
    """The previews by conversation: one round trip, two if last messages have reactions or contents, and the counts."""
    last = log.events_at(_last_message(each) for each in contexts if _sees_last_message(each))
    render = views.renderer(last.values(), [viewer_id], Rows())
    counts = unread.of_contexts(contexts)

    def preview(context: MemberContext) -> Preview:
        message, count = last.get(_last_message(context)), counts[context.conversation_id]
        return Preview(None if message is None else render(message, viewer_id), count.messages, count.mentions)

    return {each.conversation_id: preview(each) for each in contexts}


def _last_message(context: MemberContext) -> tuple[str, int]:
    return context.conversation_id, context.head.last_message_seq


def _sees_last_message(context: MemberContext) -> bool:
    return context.head.last_message_seq >= context.member.visible_from


def previews_of_members(head: LogHead, info: ConversationInfo, members: Sequence[Member]) -> Mapping[str, Preview]:
    """The previews of one conversation by member: last message and unread part of the log are read once."""
    message = log.event_at(head.conversation_id, head.last_message_seq)
    render = views.renderer([] if message is None else [message], [member.user_id for member in members], Rows())
    counts = unread.of_members(head, members)

    def preview(member: Member) -> Preview:
        sees = message is not None and _sees_last_message(MemberContext(head, info, member))
        count = counts[member.user_id]
        return Preview(render(message, member.user_id) if sees and message else None, count.messages, count.mentions)

    return {member.user_id: preview(member) for member in members}


note_delivered = receipts.note_delivered
