"""Polls for other domains: retracting the votes of an erased person."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import polls.events  # what is appended here
from conversations import api as conversations
from conversations.model import MemberContext
from kernel.errors import NotFound
from kernel.transactions import Transaction
from log import api as log
from log.model import NewEvent
from polls import store
from polls.model import POLL_VOTED, Poll


def retract_votes(user_id: str, cursor: dict[str, Any] | None) -> dict[str, Any] | None:
    """Retract a person's votes in the next page of all polls; returns the next cursor.

    Closed and secret polls are included, and those of conversations that the person has left. The members are told.
    """
    found, following = store.voted_in(user_id, cursor)
    for poll in found:
        with suppress(NotFound):  # a deleted conversation, whose polls are erased with it
            _retract(poll, user_id)
    return following


def _retract(first: Poll, user_id: str) -> None:
    def plan(context: MemberContext) -> log.AppendPlan:
        found, chosen = store.with_votes([first.ref], [user_id])
        poll, before = found.get(first.id), chosen.get((first.id, user_id), ())
        if poll is None or not before:
            return log.AppendPlan([])
        at = log.event_time(context.head)

        def stage(transaction: Transaction) -> None:
            store.stage_vote(transaction, poll, user_id, before=before, after=(), at=at, closed_too=True)

        return log.AppendPlan([NewEvent(POLL_VOTED, poll.actor_of_votes(user_id), poll.about)], stage, at=at)

    context, events = conversations.append(first.conversation_id, user_id, plan, load=conversations.system_context)
    conversations.publish_events(context, events)
