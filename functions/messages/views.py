"""Views of messages for their readers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kernel.dynamo import Key, Record
from log import api as log
from log.api import DataView, Rendering, Rows
from log.model import Event
from messages import contents
from messages.changes import reactions_store

Keys = list[tuple[type[Record], Key]]
Render = Callable[[Event, str], dict[str, Any]]  # a message as the person with this id sees it


def attachment_view(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A file in a message, as it was when it was sent; its thumbnail is read from the file itself."""
    unknown = {"width": None, "height": None}  # of what was sent before they were kept
    return {**unknown, **kept, "folder_id": None, "state": "ready", "reject_reason": None, "thumbnail_url": None}


def message_view(
    event: Event, mine: frozenset[str] = frozenset(), poll: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The message as one person sees it: `mine` are their own emoji, `poll` the poll as they see it. A deleted message
    is a tombstone."""
    gone = event.deleted_at is not None
    data = event.data
    return {
        "id": data["id"],
        "conversation_id": event.conversation_id,
        "seq": event.seq,
        "sender_id": event.actor_id,
        "client_id": data["client_id"],
        "type": data["type"],
        "text": None if gone else event.text,
        "ciphertext": None if gone else data.get("ciphertext"),
        "attachments": [] if gone else [attachment_view(each) for each in data.get("attachments", ())],
        "mentions": [] if gone else data.get("mentions", []),
        "mentions_all": not gone and bool(data.get("everyone")),
        "reply_to": None if gone else data.get("reply_to"),
        "thread_root": event.thread_root,
        "thread_count": event.thread_count,
        "forwarded_from": None if gone else data.get("forwarded_from"),
        "pinned": event.pinned and not gone,
        "reactions": []
        if gone
        else [
            {"emoji": emoji, "count": count, "mine": emoji in mine}
            for emoji, count in sorted(event.reactions.items())
            if count > 0
        ],
        "metadata": {} if gone else data.get("metadata", {}),
        "poll": None if gone else poll,
        "edited_at": None if gone else event.edited_at,
        "deleted_at": event.deleted_at,
        "expires_at": event.expires_at,
        "created_at": event.at,
    }


def messages(events: Sequence[Event], viewer_id: str) -> list[dict[str, Any]]:
    """Messages as this person sees them: one round trip if any has reactions or a content of another domain."""
    render = renderer(events, [viewer_id], Rows())
    return [render(event, viewer_id) for event in events]


def renderer(messages: Iterable[Event], viewer_ids: Sequence[str], rows: Rows) -> Render:
    """A function that renders these messages for each of these people: one round trip, and for several people a query
    per message with reactions."""
    listed = list(messages)
    rows.read(keys_of(listed, viewer_ids))
    theirs = reactions_store.of_people(viewer_ids, listed, read=rows.read)
    held = {
        (message.conversation_id, message.seq): content.views(those, viewer_ids, rows)
        for content, those in contents.by_content(listed)
        for message in those
    }

    def render(message: Event, viewer_id: str) -> dict[str, Any]:
        holds = held.get((message.conversation_id, message.seq))
        mine = theirs.get((viewer_id, message.conversation_id, message.seq), frozenset())
        return message_view(message, mine, None if holds is None else holds(message, viewer_id))

    return render


def keys_of(messages: Sequence[Event], viewer_ids: Sequence[str]) -> Keys:
    """The records that `renderer` reads: contents of the messages, and for a single viewer their own reactions."""
    found: Keys = [key for content, those in contents.by_content(messages) for key in content.keys(those, viewer_ids)]
    if len(viewer_ids) == 1:
        found += reactions_store.keys_of(viewer_ids[0], messages)
    return found


# --- renderers of this domain's event types -------------------------------------------------------------------


def message_keys(events: Sequence[Event], rendering: Rendering) -> Keys:
    """The records that `messages_for_viewers` reads first: messages not preloaded, contents of preloaded ones."""
    about = dict.fromkeys((each.conversation_id, each.message_seq or 0) for each in events)
    there = [rendering.messages[seq] for _, seq in about if seq in rendering.messages]
    missing = [log.event_key(*each) for each in about if each[1] not in rendering.messages]
    return [*missing, *keys_of(there, rendering.viewer_ids)]


def messages_for_viewers(events: Sequence[Event], rendering: Rendering) -> DataView:
    """Render every event about a message as the present message."""
    about = dict.fromkeys((each.conversation_id, each.message_seq or 0) for each in events)
    missing = [each for each in about if each[1] not in rendering.messages]
    rows = rendering.rows.read(log.event_key(*each) for each in missing)
    present = {seq: rendering.messages[seq] for _, seq in about if seq in rendering.messages}
    present |= {row_seq: log.event_of(row) for (_, row_seq), row in zip(missing, rows, strict=True) if row is not None}
    render = renderer(present.values(), rendering.viewer_ids, rendering.rows)

    def shown(event: Event, viewer_id: str) -> dict[str, Any] | None:
        message = present.get(event.message_seq or 0)
        return None if message is None else render(message, viewer_id)

    return shown


def differs(event: Event, messages: Sequence[Event]) -> bool:
    """Whether people see a message differently: if it has reactions (`mine`) or a content of another domain.

    A new message has no reactions; a message that is not preloaded may have some.
    """
    if event.is_message:
        return contents.content_of(event) is not None
    plain = {each.seq for each in messages if contents.content_of(each) is None and not any(each.reactions.values())}
    return event.message_seq not in plain
