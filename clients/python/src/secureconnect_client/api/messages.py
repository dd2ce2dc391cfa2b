"""Messages: sending, changing, reading, searching; drafts and scheduled messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from secureconnect_client.api.base import Routes, given
from secureconnect_client.decoding import decode
from secureconnect_client.errors import ApiError
from secureconnect_client.http import segment
from secureconnect_client.models import (
    Draft,
    EarlierText,
    File,
    Message,
    Page,
    PinnedMessage,
    ReadMarker,
    ScheduledMessage,
)
from secureconnect_client.pages import Hits

_FOUND: dict[str, type[Message | File]] = {"message": Message, "file": File}


def message_body(
    text: str | None,
    *,
    client_id: str,
    type: str | None = None,
    attachment_ids: Iterable[str] | None = None,
    reply_to: str | None = None,
    thread_root: str | None = None,
    mentions: Iterable[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    ciphertext: str | None = None,
    forward: Message | None = None,
) -> dict[str, Any]:
    """The body of a new message, for HTTP, the socket and the outbox. `forward` replaces the text."""
    return given(
        client_id=client_id,
        type=type,
        text=text,
        attachment_ids=None if attachment_ids is None else [*attachment_ids],
        reply_to=reply_to,
        thread_root=thread_root,
        mentions=None if mentions is None else [*mentions],
        metadata=metadata,
        ciphertext=ciphertext,
        forward=None
        if forward is None
        else {"conversation_id": forward.conversation_id, "message_id": forward.id},
    )


def _path(conversation_id: str, *rest: str) -> str:
    return "/".join(["/conversations", segment(conversation_id), *map(segment, rest)])


class Messages(Routes):
    async def send(
        self,
        conversation_id: str,
        text: str | None = None,
        *,
        client_id: str | None = None,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Message:
        """Send a message and return the stored one. A repeated `client_id` returns the first message.

        Further fields: type, attachment_ids, reply_to, thread_root, mentions, metadata, ciphertext, forward.
        """
        body = message_body(text, client_id=client_id or uuid4().hex, **fields)
        return decode(Message, await self.post(conversation_id, body, idempotency_key=idempotency_key))

    async def post(
        self,
        conversation_id: str,
        body: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        as_user: str | None = None,
    ) -> dict[str, Any]:
        """Send a complete body; returns the message as JSON."""
        path = _path(conversation_id, "messages")
        return dict(
            await self._client.request(
                "POST", path, json=body, idempotency_key=idempotency_key, as_user=as_user
            )
        )

    async def get(self, conversation_id: str, message_id: str) -> Message:
        path = _path(conversation_id, "messages", message_id)
        return decode(Message, await self._client.request("GET", path))

    async def list(
        self,
        conversation_id: str,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> Page[Message]:
        """Messages in their present state by seq.

        Newest first with `before` (or neither), oldest first with `after`.
        """
        path = _path(conversation_id, "messages")
        return await self._page(Message, path, before=before, after=after, limit=limit)

    async def iterate(self, conversation_id: str, *, after: int = 0) -> AsyncIterator[Message]:
        """All messages after a seq, oldest first, requesting one page at a time."""
        while True:
            page = await self.list(conversation_id, after=after, limit=100)
            for message in page.items:
                yield message
                after = max(after, message.seq)
            if not page.items:
                return

    async def thread(
        self, conversation_id: str, message_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[Message]:
        path = _path(conversation_id, "messages", message_id, "thread")
        return await self._page(Message, path, limit=limit, cursor=cursor)

    async def forward(
        self, message: Message, to_conversation_id: str, *, client_id: str | None = None, **fields: Any
    ) -> Message:
        """Send a copy of a message into another conversation, with its author's name."""
        return await self.send(to_conversation_id, client_id=client_id, forward=message, **fields)

    async def edits(self, conversation_id: str, message_id: str) -> Page[EarlierText]:
        """The texts of a message before its edits, oldest first: for its sender and admins."""
        return await self._page(EarlierText, _path(conversation_id, "messages", message_id, "edits"))

    async def edit(self, conversation_id: str, message_id: str, text: str) -> Message:
        path = _path(conversation_id, "messages", message_id)
        return decode(Message, await self._client.request("PATCH", path, json={"text": text}, retry=True))

    async def delete(self, conversation_id: str, message_id: str) -> None:
        await self._client.request("DELETE", _path(conversation_id, "messages", message_id))

    async def react(self, conversation_id: str, message_id: str, emoji: str) -> None:
        path = _path(conversation_id, "messages", message_id, "reactions", emoji)
        await self._client.request("PUT", path)

    async def unreact(self, conversation_id: str, message_id: str, emoji: str) -> None:
        path = _path(conversation_id, "messages", message_id, "reactions", emoji)
        await self._client.request("DELETE", path)

    async def pin(self, conversation_id: str, message_id: str) -> None:
        await self._client.request("PUT", _path(conversation_id, "pins", message_id))

    async def unpin(self, conversation_id: str, message_id: str) -> None:
        await self._client.request("DELETE", _path(conversation_id, "pins", message_id))

    async def pins(
        self, conversation_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[PinnedMessage]:
        """The pinned messages, latest pin first."""
        return await self._page(PinnedMessage, _path(conversation_id, "pins"), limit=limit, cursor=cursor)

    async def draft(self, conversation_id: str) -> Draft | None:
        """The caller's unsent text in this conversation, None without any."""
        try:
            return decode(Draft, await self._client.request("GET", _path(conversation_id, "draft")))
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    async def drafts(self, *, limit: int | None = None, cursor: str | None = None) -> Page[Draft]:
        """The caller's drafts in all conversations, latest first."""
        return await self._page(Draft, "/drafts", limit=limit, cursor=cursor)

    async def save_draft(
        self,
        conversation_id: str,
        text: str,
        *,
        reply_to: str | None = None,
        thread_root: str | None = None,
        written_at: datetime | None = None,
    ) -> Draft:
        """Store a draft for all devices. Returns the draft written last, which may be another device's."""
        at = None if written_at is None else written_at.isoformat()
        body = given(text=text, reply_to=reply_to, thread_root=thread_root, written_at=at)
        return decode(Draft, await self._client.request("PUT", _path(conversation_id, "draft"), json=body))

    async def clear_draft(self, conversation_id: str) -> None:
        await self._client.request("DELETE", _path(conversation_id, "draft"))

    async def read(self, conversation_id: str, seq: int) -> ReadMarker:
        """Mark everything up to this seq as read; the marker only moves forward."""
        path = _path(conversation_id, "read")
        return decode(ReadMarker, await self._client.request("POST", path, json={"seq": seq}, retry=True))

    async def typing(self, conversation_id: str, typing: bool = True) -> None:
        """Tell the others that the caller types; expires after 3 s."""
        await self._client.request("POST", _path(conversation_id, "typing"), json={"typing": typing})

    async def search(
        self,
        q: str,
        *,
        conversation_id: str | None = None,
        sender_id: str | None = None,
        before: datetime | None = None,
        has_file: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Hits:
        """Messages, and files by their names, that contain all words of `q`, newest first.

        A word also matches longer words that begin with it. A page may be short. `has_file` limits the
        messages to those with attachments.
        """
        params = {
            "q": q,
            "conversation_id": conversation_id,
            "from": sender_id,
            "has": "file" if has_file else None,
            "before": before and before.isoformat(),
            "limit": limit,
            "cursor": cursor,
        }
        answer = await self._client.request("GET", "/search", params=params)
        known = [(_FOUND[each["kind"]], each) for each in answer["items"] if each.get("kind") in _FOUND]
        return Hits(tuple(decode(cls, each) for cls, each in known), answer.get("next_cursor"))

    async def schedule(
        self,
        conversation_id: str,
        text: str | None = None,
        *,
        send_at: datetime,
        client_id: str | None = None,
        **fields: Any,
    ) -> ScheduledMessage:
        """Have the server send a message at a time (with a zone). Further fields are those of `send`."""
        body = message_body(text, client_id=client_id or uuid4().hex, **fields)
        body["send_at"] = send_at.isoformat()
        path = _path(conversation_id, "scheduled")
        return decode(ScheduledMessage, await self._client.request("POST", path, json=body, retry=True))

    async def scheduled(
        self, conversation_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[ScheduledMessage]:
        """The caller's scheduled messages, soonest first, and those that could not be sent."""
        return await self._page(
            ScheduledMessage, _path(conversation_id, "scheduled"), limit=limit, cursor=cursor
        )

    async def cancel_scheduled(self, conversation_id: str, scheduled_id: str) -> None:
        """Cancel a scheduled message, or delete one that could not be sent."""
        await self._client.request("DELETE", _path(conversation_id, "scheduled", scheduled_id))
