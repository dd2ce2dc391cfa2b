"""Polls for other domains: removing the votes and the options' texts of an erased person."""

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
from polls.model import POLL_UPDATED, POLL_VOTED, Poll


def forget_person(user_id: str, cursor: dict[str, Any] | None) -> dict[str, Any] | None:
    """Remove a person's votes and the texts of the options that they have added, in the next page of all polls; returns
    the next cursor.

    Closed and secret polls are included, and those of conversations that the person has left. The members are told.
    """
    found, following = store.taken_part_in(user_id, cursor)
    for poll in found:
        with suppress(NotFound):  # a deleted conversation, whose polls are erased with it
            _forget(poll, user_id)
    return following


def _forget(first: Poll, user_id: str) -> None:
    def plan(context: MemberContext) -> log.AppendPlan:
        found, chosen = store.with_votes([first.ref], [user_id])
        poll, before = found.get(first.id), chosen.get((first.id, user_id), ())
        if poll is None:
            return log.AppendPlan([])
        at, after = log.event_time(context.head), poll.without_texts_of(user_id)
        events = [NewEvent(POLL_VOTED, poll.actor_of_votes(user_id), poll.about)] if before else []
        if after != poll:
            events.append(NewEvent(POLL_UPDATED, user_id, poll.about))

        def stage(transaction: Transaction) -> None:
            if before:
                store.stage_vote(transaction, poll, user_id, before=before, after=(), at=at, closed_too=True)
            if after != poll:
                store.stage_options(transaction, after)

        return log.AppendPlan(events, stage, at=at)

    context, events = conversations.append(first.conversation_id, user_id, plan, load=conversations.system_context)
    conversations.publish_events(context, events)
