"""Erasing the messages and reactions of a person, in conversations that they have left as well.

The others are told of each, as when the person had deleted it, so that no client goes on showing it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from kernel.caller import Caller
from kernel.errors import Forbidden, Gone, NotFound, ValidationFailed
from log import api as log
from messages import service
from messages.changes import reactions, reactions_store
from messages.changes.reactions_store import ReactionRef
from messages.erasing import forgetting_store


def erase_message(conversation_id: str, seq: int) -> bool:
    """Delete a message and erase everything of its tombstone except its seq; False if there is none. Idempotent."""
    message = log.event_at(conversation_id, seq)
    if message is None or not message.is_message:
        return False
    if message.deleted_at is None:
        sender = Caller(message.actor_id, "")
        with suppress(NotFound, Forbidden):  # a deleted conversation; what the platform tells
            service.delete(
                caller=sender, conversation_id=conversation_id, message_id=message.data["id"], for_platform=True
            )
    return forgetting_store.erase_message(conversation_id, seq)


def remove_reactions(user_id: str, cursor: dict[str, Any] | None) -> dict[str, Any] | None:
    """Remove a person's reactions in the next page of all reactions; returns the next cursor."""
    found, following = reactions_store.page_of(user_id, cursor)
    for each in found:
        _remove(each)
    return following


def _remove(reaction: ReactionRef) -> None:
    message = log.event_at(reaction.conversation_id, reaction.seq)
    if message is not None and message.deleted_at is None:
        with suppress(NotFound, Gone, ValidationFailed):  # deleted meanwhile; not among Unicode's emoji any more
            reactions.react(
                caller=Caller(reaction.user_id, ""),
                conversation_id=reaction.conversation_id,
                message_id=message.data["id"],
                emoji=reaction.emoji,
                added=False,
                for_platform=True,
            )
    reactions_store.forget(reaction)
