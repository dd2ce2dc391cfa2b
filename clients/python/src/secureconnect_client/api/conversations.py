"""Conversations, their members and their logs."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Literal

from secureconnect_client.api.base import Routes, every, given
from secureconnect_client.decoding import decode, decode_all
from secureconnect_client.events import Event, parse_event
from secureconnect_client.http import segment
from secureconnect_client.models import Conversation, Member, Page, Receipt, Role
from secureconnect_client.pages import ReceiptCounts, Receipts


def path_of(conversation_id: str, *rest: str) -> str:
    return "/".join(["/conversations", segment(conversation_id), *map(segment, rest)])


class Conversations(Routes):
    async def create(
        self,
        member_ids: Iterable[str],
        *,
        type: Literal["direct", "group"] = "group",
        name: str | None = None,
        description: str | None = None,
        settings: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Conversation:
        """Create a conversation; returns the existing one if it is direct and exists already."""
        body = given(
            type=type, member_ids=[*member_ids], name=name, description=description, settings=settings
        )
        return decode(Conversation, await self._post("/conversations", body, idempotency_key=idempotency_key))

    async def direct(self, user_id: str) -> Conversation:
        """The conversation with one person."""
        return await self.create([user_id], type="direct")

    async def list(
        self, *, archived: bool | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[Conversation]:
        """Conversations, most recent activity first; `archived` selects only archived or only other ones."""
        wanted = None if archived is None else str(archived).lower()
        return await self._page(Conversation, "/conversations", archived=wanted, limit=limit, cursor=cursor)

    def iterate(self) -> AsyncIterator[Conversation]:
        """All conversations, requesting one page at a time."""
        return every(lambda cursor: self.list(limit=100, cursor=cursor))

    async def get(self, conversation_id: str) -> Conversation:
        return decode(Conversation, await self._client.request("GET", path_of(conversation_id)))

    async def update(self, conversation_id: str, **changes: Any) -> Conversation:
        """Change any of name, description, settings."""
        path = path_of(conversation_id)
        return decode(Conversation, await self._client.request("PATCH", path, json=changes, retry=True))

    async def delete(self, conversation_id: str) -> None:
        await self._client.request("DELETE", path_of(conversation_id))

    async def configure(self, conversation_id: str, **mine: Any) -> None:
        """Change the caller's preferences: any of muted_until, pinned, archived, notifications."""
        await self._client.request("PUT", path_of(conversation_id, "me"), json=mine)

    async def members(
        self, conversation_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[Member]:
        return await self._page(Member, path_of(conversation_id, "members"), limit=limit, cursor=cursor)

    async def add_members(
        self, conversation_id: str, user_ids: Iterable[str], *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Add people; returns the server's `{added, skipped}`."""
        body = {"user_ids": [*user_ids]}
        path = path_of(conversation_id, "members")
        return dict(await self._post(path, body, idempotency_key=idempotency_key))

    async def remove_member(self, conversation_id: str, user_id: str) -> None:
        """Remove a member, or leave the conversation oneself."""
        await self._client.request("DELETE", path_of(conversation_id, "members", user_id))

    async def set_role(self, conversation_id: str, user_id: str, role: Role) -> None:
        path = path_of(conversation_id, "members", user_id)
        await self._client.request("PATCH", path, json={"role": role}, retry=True)

    async def receipts(
        self,
        conversation_id: str,
        *,
        seq: int | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Receipts:
        """How far each member has received and read.

        Above 200 members only the caller's own receipt, and counts for `seq` (default: the last message's).
        """
        params = {"seq": seq, "limit": limit, "cursor": cursor}
        answer = await self._client.request("GET", path_of(conversation_id, "receipts"), params=params)
        counts = answer.get("counts")
        return Receipts(
            decode_all(Receipt, answer["items"]),
            answer.get("next_cursor"),
            None if counts is None else decode(ReceiptCounts, counts),
        )

    async def events(
        self, conversation_id: str, *, after: int = 0, limit: int | None = None
    ) -> builtins.list[Event]:
        """The events of the log after a seq, ascending."""
        params = {"after": after, "limit": limit}
        answer = await self._client.request("GET", path_of(conversation_id, "events"), params=params)
        return [parse_event(each, conversation_id=conversation_id) for each in answer["items"]]
