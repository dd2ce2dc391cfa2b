"""The calls that were: of a person, of a conversation. Newest first."""

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


def of_caller(*, caller: Caller, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The calls that rang for the caller or that they joined, in conversations they are in now and may look back in.

    A page may be shorter than `limit` and still have a next one.
    """

    def visible(calls: list[Call]) -> list[Call]:
        contexts = conversations.contexts(list({each.conversation_id for each in calls}), caller.user_id)
        return [
            each
            for each in calls
            if (context := contexts.get(each.conversation_id)) is not None and _shows(context, each)
        ]

    return _page(caller.user_id, Paginator(after, caller.user_id, "calls"), limit, visible)


def of_conversation(*, caller: Caller, conversation_id: str, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The calls of a conversation since the caller may see it."""
    context = require_member(conversation_id, caller.user_id)

    def visible(calls: list[Call]) -> list[Call]:
        return [each for each in calls if _shows(context, each)]

    paging = Paginator(after, caller.user_id, "calls", conversation_id)
    return _page(conversation_id, paging, limit, visible)


def _shows(context: MemberContext, call: Call) -> bool:
    """Who came (back) later does not see what was over by then."""
    return call.message_seq >= context.member.visible_from or not call.ended


def _page(
    owner: str, paging: Paginator, limit: int, visible: Callable[[list[Call]], list[Call]]
) -> Page[dict[str, Any]]:
    found, now = store.history(owner, before=paging.start, limit=limit + 1), clock.now()

    def show(page: Sequence[str]) -> list[dict[str, Any]]:
        return [views.call(each.as_of(now)) for each in visible(store.find_all(page))]

    return paging.page(found, limit, lambda call_id: call_id, show)
