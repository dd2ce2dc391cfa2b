"""Polls for other domains: retracting the votes of an erased person."""

from __future__ import annotations

from kernel import clock
from kernel.transactions import Transaction
from polls import store


def retract_votes(user_id: str, conversation_id: str) -> None:
    """Retract a person's votes in a conversation, including closed and anonymous polls; updates the tallies."""
    before: str | None = None
    while ids := store.in_conversation(conversation_id, before=before, limit=100):
        for poll in store.polls(ids).values():
            chosen = store.votes([poll.ref], [user_id]).get((poll.id, user_id))
            if chosen:
                transaction = Transaction()
                store.stage_vote(transaction, poll, user_id, before=chosen, after=(), at=clock.now(), closed_too=True)
                transaction.commit()
        before = ids[-1]
