"""What polls hold on a person, for an export: the polls that they have asked, their votes and options."""

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


def taken_part(user_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The person's `votes` and the options that they have added (`poll_options`), secret votes and what is in
    conversations that they have left as well."""
    for found in all_pages(lambda cursor: store.taken_part_in(user_id, cursor)):
        chosen = store.votes([poll.ref for poll in found], [user_id])
        for poll in found:
            about = {"poll_id": poll.id, "conversation_id": poll.conversation_id, "question": poll.question}
            mine = chosen.get((poll.id, user_id), ())
            added = [each.id for each in poll.options if poll.added_by.get(each.id) == user_id]
            for kind, option_ids in (("votes", mine), ("poll_options", added)):
                if option_ids:
                    texts = [each.text for each in poll.options if each.id in option_ids]
                    yield kind, {**about, "option_ids": list(option_ids), "options": texts}
