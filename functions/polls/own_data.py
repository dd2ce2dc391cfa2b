"""What polls hold on a person, for an export: the polls that they have asked, and their votes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conversations import api as conversations
from kernel import clock
from kernel.paging import all_pages
from kernel.schema import as_json
from polls import store
from polls.schemas import PollOut

_PAGE = 100


def polls(user_id: str) -> Iterator[dict[str, Any]]:
    """The polls that the person has asked in conversations that they are in, with the results that they may see."""
    for conversation_id in conversations.conversations_of(user_id):
        before: str | None = None
        while poll_ids := store.in_conversation(conversation_id, before=before, limit=_PAGE):
            asked = [poll for poll in store.polls(poll_ids).values() if poll.creator_id == user_id]
            chosen = store.votes([poll.ref for poll in asked], [user_id])
            for poll in asked:
                yield as_json(PollOut, poll.view(chosen.get((poll.id, user_id), ()), clock.now()))
            before = poll_ids[-1]


def votes(user_id: str) -> Iterator[dict[str, Any]]:
    """The person's votes, secret ones and those in conversations that they have left as well."""
    for found in all_pages(lambda cursor: store.voted_in(user_id, cursor)):
        chosen = store.votes([poll.ref for poll in found], [user_id])
        for poll in found:
            mine = chosen.get((poll.id, user_id), ())  # none: retracted meanwhile
            texts = [each.text for each in poll.options if each.id in mine]
            about = {"poll_id": poll.id, "conversation_id": poll.conversation_id, "question": poll.question}
            yield {**about, "option_ids": list(mine), "options": texts}
