"""What polls hold on a person, for an export: the polls that they have asked, and their votes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conversations import api as conversations
from kernel import clock
from kernel.schema import as_json
from polls import store
from polls.model import Choice, Poll
from polls.schemas import PollOut

_PAGE = 100


def polls(user_id: str) -> Iterator[dict[str, Any]]:
    """The polls that the person has asked, with the results that they may see."""
    for poll, chosen in _with_votes(user_id):
        if poll.creator_id == user_id:
            yield as_json(PollOut, poll.view(chosen, clock.now()))


def votes(user_id: str) -> Iterator[dict[str, Any]]:
    """The person's votes, secret ones too."""
    for poll, chosen in _with_votes(user_id):
        if chosen:
            texts = [each.text for each in poll.options if each.id in chosen]
            about = {"poll_id": poll.id, "conversation_id": poll.conversation_id, "question": poll.question}
            yield {**about, "option_ids": list(chosen), "options": texts}


def _with_votes(user_id: str) -> Iterator[tuple[Poll, Choice]]:
    """The polls of the conversations that the person is in, with their votes."""
    for conversation_id in conversations.conversations_of(user_id):
        before: str | None = None
        while poll_ids := store.in_conversation(conversation_id, before=before, limit=_PAGE):
            found = store.polls(poll_ids)
            chosen = store.votes([poll.ref for poll in found.values()], [user_id])
            for poll in found.values():
                yield poll, chosen.get((poll.id, user_id), ())
            before = poll_ids[-1]
