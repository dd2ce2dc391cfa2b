"""What messages hold on a person, for an export: messages, their earlier texts, reactions, drafts, scheduled ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from conversations import api as conversations
from kernel import clock
from kernel.caller import Caller
from kernel.errors import NotFound
from kernel.paging import all_pages
from kernel.schema import as_json
from log import api as log
from messages import service, views
from messages.changes import history_store, reactions_store
from messages.list_schemas import DraftOut
from messages.schemas import Message
from messages.unsent import drafts_store, scheduled_store
from messages.unsent.scheduled_schemas import Scheduled

_PAGE = 100


def in_conversations(user_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The person's messages without deleted ones, with their earlier texts, each read once.

    Messages in conversations that they have left are among them.
    """
    present = conversations.conversations_of(user_id)
    for each in _visible(user_id, present):
        if _is_own(each, user_id):
            yield from _written(each)
    for each in _left_behind(user_id, frozenset(present)):
        yield from _written(each)


def reactions(user_id: str) -> Iterator[dict[str, Any]]:
    """The person's reactions, those in conversations that they have left as well."""
    for found in all_pages(lambda cursor: reactions_store.page_of(user_id, cursor)):
        shown = log.events_at((each.conversation_id, each.seq) for each in found)
        for each in found:
            message = shown.get((each.conversation_id, each.seq))
            if message is not None and message.deleted_at is None:
                place = {"conversation_id": each.conversation_id, "message_id": message.data["id"]}
                yield {**place, "emoji": each.emoji}


def drafts(user_id: str) -> Iterator[dict[str, Any]]:
    """The person's unsent texts."""
    for each in drafts_store.of(user_id):
        yield as_json(DraftOut, asdict(each))


def scheduled(user_id: str) -> Iterator[dict[str, Any]]:
    """Messages that the person has scheduled, and those that could not be sent."""
    for each in scheduled_store.all_of(user_id):
        yield as_json(Scheduled, each.view())


def _is_own(message: dict[str, Any], user_id: str) -> bool:
    return message["sender_id"] == user_id and message["deleted_at"] is None


def _written(message: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A message, and what it said before it was edited."""
    yield "messages", as_json(Message, message)
    if message["edited_at"] is not None:
        for text in history_store.earlier(message["conversation_id"], message["seq"]):
            written_at = clock.rfc3339(text.written_at)
            yield "earlier_texts", {**_place(message), "text": text.text, "written_at": written_at}


def _place(message: dict[str, Any]) -> dict[str, str]:
    return {"conversation_id": message["conversation_id"], "message_id": message["id"]}


def _visible(user_id: str, conversation_ids: list[str]) -> Iterator[dict[str, Any]]:
    """All messages that the person may read in these conversations, the oldest first."""
    for conversation_id in sorted(conversation_ids):
        with suppress(NotFound):  # left or deleted meanwhile
            after = 0
            while page := _page(user_id, conversation_id, after):
                yield from page
                after = page[-1]["seq"]


def _page(user_id: str, conversation_id: str, after: int) -> list[dict[str, Any]]:
    found = service.list_messages(
        caller=Caller(user_id, ""), conversation_id=conversation_id, before=None, after=after, limit=_PAGE, page=None
    )
    return found.items


def _left_behind(user_id: str, present: frozenset[str]) -> Iterator[dict[str, Any]]:
    """The person's messages in other conversations than these, found by a scan of who has sent what."""
    for sent in all_pages(lambda cursor: log.sent_by(user_id, cursor)):
        for _, conversation_id, seq in sent:
            message = None if conversation_id in present else log.event_at(conversation_id, seq)
            if message is not None and message.is_message and message.deleted_at is None:
                yield from map(_without_others, views.messages([message], user_id))


def _without_others(message: dict[str, Any]) -> dict[str, Any]:
    """A message of a conversation that the person has left, without what others may have made of it since (R6)."""
    own = [{**each, "count": 1} for each in message["reactions"] if each["mine"]]
    return {**message, "reactions": own, "thread_count": 0, "pinned": False, "poll": _untold(message["poll"])}


def _untold(poll: dict[str, Any] | None) -> dict[str, Any] | None:
    """A poll without its tally, as it is shown while its results are hidden."""
    if poll is None:
        return None
    return {**poll, "options": [{**each, "votes": None} for each in poll["options"]], "total_voters": None}
