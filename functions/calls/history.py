"""The history of calls of a person or a conversation, newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from calls import store, views
from calls.model import Call
from conversations import api as conversations
from conversations.api import require_member
from conversations.model import MemberContext
from kernel import clock
from kernel.caller import Caller
from kernel.paging import Page, Paginator


def list_of_caller(*, caller: Caller, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The calls that rang for the caller or that they joined, as far as they may see them now.

    A page may be shorter than `limit` and still have a next one.
    """

    def visible(calls: list[Call]) -> list[Call]:
        contexts = conversations.contexts(list({each.conversation_id for each in calls}), caller.user_id)
        return [
            each
            for each in calls
            if (context := contexts.get(each.conversation_id)) is not None and _is_visible(context, each)
        ]

    return _page(caller.user_id, Paginator(after, caller.user_id, "calls"), limit, visible)


def list_of_conversation(
    *, caller: Caller, conversation_id: str, limit: int, after: str | None
) -> Page[dict[str, Any]]:
    """The calls of a conversation that the caller may see; raises NotFound."""
    context = require_member(conversation_id, caller.user_id)

    def visible(calls: list[Call]) -> list[Call]:
        return [each for each in calls if _is_visible(context, each)]

    paging = Paginator(after, caller.user_id, "calls", conversation_id)
    return _page(conversation_id, paging, limit, visible)


def _is_visible(context: MemberContext, call: Call) -> bool:
    """Whether a member may see a call: not if it ended before they joined."""
    return call.message_seq >= context.member.visible_from or not call.ended


def _page(
    owner: str, paging: Paginator, limit: int, visible: Callable[[list[Call]], list[Call]]
) -> Page[dict[str, Any]]:
    found, now = store.history(owner, before=paging.start, limit=limit + 1), clock.now()

    def render(page: Sequence[str]) -> list[dict[str, Any]]:
        return [views.call(each.as_of(now)) for each in visible(store.find_all(page))]

    return paging.page(found, limit, lambda call_id: call_id, render)
