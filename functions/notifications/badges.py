"""The number on an app's icon: how many messages are unread."""

from __future__ import annotations

from collections.abc import Sequence

from conversations import api as conversations
from kernel import parallel
from log import api as log
from messages import api as messages

# People whose conversations are all counted. For more at once, as in a large group, that would be a hundred reads a
# message: they get what is unread in the conversation of the push, and the client adds what it knows of the others.
COUNTED_WHOLE = 10


def unread_of(user_ids: Sequence[str], conversation_id: str | None) -> dict[str, int]:
    """The unread messages of these people in all their conversations, or in this one where they are many."""
    if len(user_ids) <= COUNTED_WHOLE or conversation_id is None:
        return dict(zip(user_ids, parallel.mapped(_everywhere, user_ids), strict=True))
    members = conversations.members_by_id(conversation_id, user_ids)
    counted = messages.unread_of_members(log.head(conversation_id), members.values())
    return {user_id: counted[user_id].messages if user_id in counted else 0 for user_id in user_ids}


def _everywhere(user_id: str) -> int:
    contexts = conversations.contexts(conversations.conversations_of(user_id), user_id)
    return sum(each.messages for each in messages.unread_of(list(contexts.values())).values())
