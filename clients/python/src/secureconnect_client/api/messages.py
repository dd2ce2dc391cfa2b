"""Messages: sending, changing, reading, looking back."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any
from uuid import uuid4

from secureconnect_client.api.base import Routes, given
from secureconnect_client.decoding import decode
from secureconnect_client.http import segment
from secureconnect_client.models import Message, Page, ReadMarker


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
) -> dict[str, Any]:
    """The body of a new message, the same over HTTP, the socket and the outbox."""
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
        """Send and wait for the stored message. The same `client_id` again returns the first one.

        Further fields: type, attachment_ids, reply_to, thread_root, mentions, metadata, ciphertext.
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
        """Send a ready-made body, get the message as it came."""
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
        """The current state by seq: newest first with `before` (or neither), oldest first with `after`."""
        path = _path(conversation_id, "messages")
        return await self._page(Message, path, before=before, after=after, limit=limit)

    async def iterate(self, conversation_id: str, *, after: int = 0) -> AsyncIterator[Message]:
        """All messages after a seq, oldest first, a page at a time."""
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

    async def pins(self, conversation_id: str) -> Page[Message]:
        return await self._page(Message, _path(conversation_id, "pins"))

    async def read(self, conversation_id: str, seq: int) -> ReadMarker:
        """Everything up to here has been read; the marker only moves forward."""
        path = _path(conversation_id, "read")
        return decode(ReadMarker, await self._client.request("POST", path, json={"seq": seq}, retry=True))

    async def typing(self, conversation_id: str, typing: bool = True) -> None:
        """Expires by itself after 3 s."""
        await self._client.request("POST", _path(conversation_id, "typing"), json={"typing": typing})

    async def search(self, q: str, **filters: Any) -> builtins.list[dict[str, Any]]:
        """Messages and files the caller may see, as they came. Filters: conversation_id, before, limit …"""
        answer = await self._client.request("GET", "/search", params={"q": q, **filters})
        return list(answer["items"])
