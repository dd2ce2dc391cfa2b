"""Drafts, synchronised across a person's devices: the last written one wins. Nobody else sees them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from conversations import api as conversations
from conversations.api import require_member
from conversations.model import MemberContext
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound
from kernel.paging import Page, Paginator, fitting
from log.api import ConversationLost, PlainTextLost
from messages.model import Draft
from messages.unsent import drafts_store

UPDATED = "draft.updated"


def keep(
    *,
    caller: Caller,
    conversation_id: str,
    text: str,
    reply_to: str | None,
    thread_root: str | None,
    written_at: int | None,
) -> Draft:
    """Store a draft and send it to the caller's devices; if there is a later one, that one stays and is returned.

    `written_at` (ms) is by the device's clock, at most now, by default now. Raises Forbidden `encrypted_conversation`,
    NotFound.
    """
    context = require_member(conversation_id, caller.user_id)
    if context.info.settings.encrypted:
        raise Forbidden("Drafts of an encrypted conversation stay on the device.", code="encrypted_conversation")
    now = clock.now()
    draft = Draft(conversation_id, text, reply_to, thread_root, now if written_at is None else min(written_at, now))
    return _kept(caller, context, draft)


def clear(*, caller: Caller, conversation_id: str) -> None:
    """Clear the draft; older drafts of other devices do not replace this."""
    context = require_member(conversation_id, caller.user_id)
    _kept(caller, context, Draft(conversation_id, None, None, None, clock.now()))


def _kept(caller: Caller, context: MemberContext, draft: Draft) -> Draft:
    if not drafts_store.keep(caller.user_id, draft):
        return drafts_store.find(caller.user_id, draft.conversation_id) or draft
    from kernel.schema import as_json
    from messages.list_schemas import DraftOut

    conversations.publish_ephemeral(context, UPDATED, as_json(DraftOut, asdict(draft)), to=[caller.user_id])
    return draft


def get(*, caller: Caller, conversation_id: str) -> Draft:
    """The caller's draft; raises NotFound if there is none."""
    context = require_member(conversation_id, caller.user_id)
    draft = drafts_store.find(caller.user_id, conversation_id)
    if draft is None or draft.text is None or context.info.settings.encrypted:
        raise NotFound
    return draft


def list_drafts(*, caller: Caller, limit: int, page: str | None) -> Page[Draft]:
    """The caller's drafts in all their conversations, the latest first."""
    paging = Paginator(page, caller.user_id, "drafts")
    before = paging.start
    drafts = drafts_store.of(caller.user_id)
    contexts = conversations.contexts([draft.conversation_id for draft in drafts], caller.user_id)
    plain = {each for each, context in contexts.items() if not context.info.settings.encrypted}
    mine = sorted((draft for draft in drafts if draft.conversation_id in plain), key=_position, reverse=True)
    rest = [draft for draft in mine if before is None or _position(draft) < before]
    items = rest[: fitting([asdict(draft) for draft in rest[:limit]])]
    return Page(items, paging.cursor(_position(items[-1]) if len(rest) > len(items) else None))


def _position(draft: Draft) -> list[Any]:
    return [draft.written_at, draft.conversation_id]


def of_plain_text(loss: PlainTextLost) -> None:
    """Delete everybody's drafts in a conversation that has become encrypted: from then on they stay on the devices."""
    drafts_store.forget(loss.conversation_id, conversations.everybody_in(loss.conversation_id), before=loss.at)


def of_conversation(loss: ConversationLost) -> None:
    """Delete the drafts of a former member, or of all members of a deleted group."""
    drafts_store.forget(loss.conversation_id, conversations.affected_members(loss), before=loss.at)
