"""Catching up: events of a conversation after a seq, and the missed events of all conversations in one answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conversations import ports, read_work, store, views
from conversations.model import MemberContext
from conversations.service import require_member
from kernel import ids
from kernel.caller import Caller
from kernel.paging import Page, Paginator, fitting
from log import api as log
from log.schemas import frame

MAX_ANSWER_BYTES = 1_000_000
MAX_SOCKET_ANSWER_BYTES = 110_000
MAX_EVENTS = 1_000
MAX_CONVERSATIONS = 100
PAGE_EVENTS = 100
_ENVELOPE_BYTES = 100  # around each conversation in the answer


@dataclass(frozen=True, slots=True)
class Missed:
    """What a device has missed. `removed` are ids of conversations in its cursors of which the caller is no longer a
    member; `more`: further conversations have new events; `live_calls`: ids of calls in the caller's conversations.
    """

    conversations: list[dict[str, Any]]
    removed: list[str]
    more: bool
    live_calls: list[str]

    def with_calls(self, calls: list[dict[str, Any]]) -> dict[str, Any]:
        """The whole answer, with the live calls as rendered by `calls`."""
        return {
            "conversations": self.conversations,
            "removed": self.removed,
            "more": self.more,
            "ephemeral": {"calls": calls},
        }


def events(*, caller: Caller, conversation_id: str, after: int, limit: int, page: str | None) -> Page[dict[str, Any]]:
    """Events after a seq, ascending and dense from the first one the caller may see."""
    context = require_member(conversation_id, caller.user_id)
    paging = Paginator(page, caller.user_id, "events", conversation_id, begun=[after or None])
    after = after if paging.start is None else paging.start
    first, last = _window(context, after, limit)
    rendered = views.event_views(context, log.events(conversation_id, first, last))
    found = rendered[: fitting(rendered)]
    last = found[-1]["seq"] if found else last
    ports.messages().note_delivered(caller, {conversation_id: context}, {conversation_id: max(after, last)})
    more = last < context.head.last_seq
    return Page(found, paging.cursor(last if more else None))


def _window(context: MemberContext, after: int, limit: int) -> tuple[int, int]:
    first = max(after + 1, context.member.visible_from)
    return first, min(first + limit - 1, context.head.last_seq)


def missed(*, caller: Caller, cursors: Mapping[str, int], max_bytes: int = MAX_ANSWER_BYTES) -> Missed:
    """The events after `cursors` (seq by conversation id), also of the caller's 2,000 youngest conversations.

    The answer has at most about `max_bytes`. A conversation with `more` has further events, which the next request
    gets with newer cursors. Raises LimitExceeded if the caller's reads of this minute are spent.
    """
    known = [conversation_id for conversation_id in cursors if ids.is_id(conversation_id, "cnv")]
    youngest = store.conversations_of(caller.user_id, limit=read_work.CONVERSATIONS_AT_ONCE)
    wanted = list(dict.fromkeys([*known, *youngest]))
    read_work.spend_on_records(caller.user_id, 3 * len(wanted))
    contexts = store.contexts(wanted, caller.user_id)
    removed = [conversation_id for conversation_id in cursors if conversation_id not in contexts]
    behind = [
        context
        for context in sorted(contexts.values(), key=lambda context: -context.head.last_at)
        if context.head.last_seq > cursors.get(context.conversation_id, 0)
    ]
    from conversations.schemas import Conversation  # a ping needs none of it

    reached = dict(cursors)
    room = max_bytes - len(json.dumps(removed))
    answer: list[dict[str, Any]] = []
    first = behind[:MAX_CONVERSATIONS]
    for context, seen in zip(first, views.conversations(first, caller.user_id), strict=True):
        size = len(Conversation.model_validate(seen).model_dump_json().encode()) + _ENVELOPE_BYTES
        if answer and size > room:
            break
        # each answer has at least one new item, however long, so that repeated requests come to an end
        at_least = 0 if answer or removed else 1
        found = _next_events(context, cursors.get(context.conversation_id, 0), room - size, at_least=at_least)
        room -= size + sum(size for _, size in found)
        last = found[-1][0]["seq"] if found else cursors.get(context.conversation_id, 0)
        reached[context.conversation_id] = last
        answer.append(
            {
                "conversation": seen,
                "events": [event for event, _ in found],
                "more": last < context.head.last_seq,
            }
        )
        if room <= 0:
            break
    ports.messages().note_delivered(caller, contexts, reached)
    live_calls = [context.head.live_call for context in contexts.values() if context.head.live_call is not None]
    return Missed(answer, removed, len(answer) < len(behind), live_calls)


def _next_events(context: MemberContext, after: int, room: int, *, at_least: int) -> list[tuple[dict[str, Any], int]]:
    """Events after a seq with their sizes in bytes, as many as fit `room`, but at least `at_least`."""
    found: list[tuple[dict[str, Any], int]] = []
    while len(found) < MAX_EVENTS:
        first, last = _window(context, after, PAGE_EVENTS)
        page = views.event_views(context, log.events(context.conversation_id, first, last))
        for event in page:
            size = len(frame(event).encode()) + 1
            if size > room and len(found) >= at_least:
                return found
            room -= size
            found.append((event, size))
        if last >= context.head.last_seq:
            break
        after = last
    return found


def behind(*, caller: Caller, cursors: Mapping[str, int]) -> dict[str, int]:
    """The last seqs of those conversations in `cursors` that have newer events."""
    wanted = [conversation_id for conversation_id in cursors if ids.is_id(conversation_id, "cnv")]
    read_work.spend_on_records(caller.user_id, 3 * len(wanted))
    contexts = store.contexts(wanted, caller.user_id)
    ports.messages().note_delivered(caller, contexts, cursors)
    return {
        conversation_id: context.head.last_seq
        for conversation_id, context in contexts.items()
        if context.head.last_seq > cursors[conversation_id]
    }
