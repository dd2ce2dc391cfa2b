"""Threads: replies under one message. They are one level deep: a reply to a reply goes to the same root."""

from __future__ import annotations

from typing import Any

from conversations.api import ContextLoader, require_id
from conversations.model import MemberContext
from kernel import ids
from kernel.caller import Caller
from kernel.errors import NotFound, ValidationFailed
from kernel.paging import Page, Paginator, fitting
from kernel.transactions import Transaction
from log import api as log
from log.model import Event
from messages import message_store, views
from messages.changes import thread_store


def root_of(context: MemberContext, seen: ContextLoader, message_id: str | None) -> str | None:
    """The root of the thread of a reply to this message; raises ValidationFailed if the caller may not see it."""
    if message_id is None:
        return None
    try:
        message = seen.message(context, message_id)
    except NotFound as error:
        raise ValidationFailed.of("thread_root", "there is no such message in this conversation") from error
    return message.thread_root or message_id


def stage_reply(transaction: Transaction, conversation_id: str, *, root: str, seq: int) -> None:
    """Put a new reply into its thread, and count it: 4 write units more than a message costs."""
    thread_store.stage_reply(transaction, conversation_id, root_seq=_seq(root), seq=seq)
    message_store.stage_into_thread(transaction, conversation_id, root)


def list_replies(
    *, caller: Caller, conversation_id: str, message_id: str, limit: int, page: str | None
) -> Page[dict[str, Any]]:
    """The replies of a message's thread, or of the thread it is in, oldest first, as far as the caller may see them.

    Whoever joined after the root sees the replies since then. Three round trips.
    """
    seen = ContextLoader(messages=[message_id])
    context = seen(require_id(conversation_id), caller.user_id)
    root_seq = _root_seq(context, seen.at(message_id))
    paging = Paginator(page, caller.user_id, "thread", conversation_id, message_id)
    after = max(paging.start or 0, context.member.visible_from - 1)
    seqs = thread_store.replies(conversation_id, root_seq, after=after, limit=limit + 1)
    if root_seq < context.member.visible_from and not seqs and page is None:
        raise NotFound
    found = log.events_at((conversation_id, seq) for seq in seqs[:limit])
    shown = views.messages(list(found.values()), caller.user_id)
    fit = fitting(shown)
    end = shown[fit - 1]["seq"] if fit < len(shown) else seqs[limit - 1] if len(seqs) > limit else None
    return Page(shown[:fit], paging.cursor(end))


def _root_seq(context: MemberContext, message: Event | None) -> int:
    if message is None or message.seq > context.head.last_seq:
        raise NotFound
    if message.thread_root is None:
        return message.seq
    if message.seq < context.member.visible_from:
        raise NotFound
    return _seq(message.thread_root)


def _seq(message_id: str) -> int:
    seq = ids.position(message_id)
    assert seq is not None, "stored messages have ids that tell their context"
    return seq
