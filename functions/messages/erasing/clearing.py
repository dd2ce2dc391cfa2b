"""Erasing the log of a deleted conversation and the data of its messages, a page of events at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conversations.model import MEMBER_REMOVED
from drive.api import attachments
from log import api as log
from messages.changes import history_store, reactions_store, thread_store
from messages.unsent import drafts_store

EVENTS_PER_STEP = 100


def erase_page(conversation_id: str, _cursor: Any) -> Any:
    """Erase the data of the first remaining events, then the events; a seq if there may be more, else None.

    Files are left to the drive's sweep, which revokes the members' access and deletes files without other users.
    """
    events = log.stored(conversation_id, limit=EVENTS_PER_STEP)
    log.forget_sends(event.sent_as for event in events if event.sent_as is not None)
    thread_store.forget_replies(event for event in events if event.thread_root is not None)
    history_store.forget_earlier_of(events)
    for message in (event for event in events if event.is_message):
        if message.reactions or message.deleted_at is not None:
            reactions_store.erase(conversation_id, message.seq)
        if "attachments" in message.data:
            file_ids = [each["id"] for each in message.data["attachments"]]
            attachments.remove_later(conversation_id, message.seq, file_ids)
    erase_drafts(conversation_id, [event.data["user_id"] for event in events if event.type == MEMBER_REMOVED])
    log.erase(events)
    return events[-1].seq if len(events) == EVENTS_PER_STEP else None


def erase_drafts(conversation_id: str, user_ids: Iterable[str]) -> None:
    """Erase these people's drafts in a conversation."""
    drafts_store.erase(conversation_id, user_ids)
