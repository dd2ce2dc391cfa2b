"""Messages for other domains: slow mode, contents of messages, views, erasure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import messages.events  # who uses messages appends them
from kernel.caller import Caller
from messages.contents import register_content
from messages.message_store import stage_system_update
from messages.slow_mode import append as append_in_slot
from messages.slow_mode import require_slot
from messages.slow_mode import stage as stage_slot
from messages.views import messages as message_views

if TYPE_CHECKING:
    from conversations.model import MemberContext
    from messages.reading.unread import Unread


def get(*, caller: Caller, conversation_id: str, message_id: str) -> dict[str, Any]:
    """One message in its present state; raises NotFound."""
    from messages import service  # few users of this module read messages

    return service.get(caller=caller, conversation_id=conversation_id, message_id=message_id)


def delete(*, caller: Caller, conversation_id: str, message_id: str) -> None:
    """Delete a message, which leaves a tombstone (its sender and admins)."""
    from messages import service

    service.delete(caller=caller, conversation_id=conversation_id, message_id=message_id)


def erase_message(conversation_id: str, seq: int) -> bool:
    """Delete a message and erase everything of its tombstone except its seq; False if there is none. Idempotent."""
    from messages.erasing import forgetting

    return forgetting.erase_message(conversation_id, seq)


def remove_reactions(user_id: str, cursor: dict[str, Any] | None) -> dict[str, Any] | None:
    """Remove a person's reactions in the next page of all reactions; returns the next cursor."""
    from messages.erasing import forgetting

    return forgetting.remove_reactions(user_id, cursor)


def own_messages(user_id: str, conversation_id: str) -> Iterator[str]:
    """The ids of a person's messages in a conversation that are not deleted, the oldest first."""
    from messages.erasing import forgetting_store

    return forgetting_store.own_messages(user_id, conversation_id)


def unread_of(contexts: Sequence[MemberContext]) -> dict[str, Unread]:
    """One person's unread counts by conversation."""
    from messages.reading import unread

    return unread.of_contexts(contexts)


def unread_of_people(user_ids: Sequence[str], *, fresh: str | None) -> dict[str, int]:
    """The unread messages of several people in all their conversations, by person (`unread.of_people`)."""
    from messages.reading import unread

    return unread.of_people(user_ids, fresh=fresh)
