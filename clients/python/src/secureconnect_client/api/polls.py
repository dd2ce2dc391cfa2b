"""Polls: creating, voting, closing, reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from secureconnect_client.api.base import Routes, given
from secureconnect_client.decoding import decode
from secureconnect_client.http import segment
from secureconnect_client.models import Page, Poll, Voter


def _path(poll_id: str, *rest: str) -> str:
    return "/".join(["/polls", segment(poll_id), *rest])


class Polls(Routes):
    async def create(
        self,
        conversation_id: str,
        question: str,
        options: Sequence[str],
        *,
        client_id: str | None = None,
        multiple: bool | None = None,
        max_choices: int | None = None,
        anonymous: bool | None = None,
        results: Literal["live", "after_vote", "after_close"] | None = None,
        allow_change: bool | None = None,
        allow_add_options: bool | None = None,
        closes_at: datetime | None = None,
    ) -> Poll:
        """Create a poll. A repeated `client_id` returns the first poll; `closes_at` needs a zone."""
        body = given(
            client_id=client_id or uuid4().hex,
            question=question,
            options=[*options],
            multiple=multiple,
            max_choices=max_choices,
            anonymous=anonymous,
            results=results,
            allow_change=allow_change,
            allow_add_options=allow_add_options,
            closes_at=None if closes_at is None else closes_at.astimezone(UTC).isoformat(),
        )
        path = f"/conversations/{segment(conversation_id)}/polls"
        return decode(Poll, await self._client.request("POST", path, json=body, retry=True))

    async def get(self, poll_id: str) -> Poll:
        return decode(Poll, await self._client.request("GET", _path(poll_id)))

    async def list(
        self,
        conversation_id: str,
        *,
        state: Literal["open", "closed"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Poll]:
        """A conversation's polls, newest first; with `state` a page may be short."""
        path = f"/conversations/{segment(conversation_id)}/polls"
        return await self._page(Poll, path, state=state, limit=limit, cursor=cursor)

    async def vote(self, poll_id: str, option_ids: Iterable[str]) -> Poll:
        """Vote, replacing an earlier vote. Raises ApiError `poll_closed`, `vote_final`."""
        body = {"option_ids": [*option_ids]}
        return decode(Poll, await self._client.request("PUT", _path(poll_id, "vote"), json=body))

    async def retract(self, poll_id: str) -> None:
        """Retract the caller's vote."""
        await self._client.request("DELETE", _path(poll_id, "vote"))

    async def add_option(self, poll_id: str, text: str) -> Poll:
        return decode(Poll, await self._post(_path(poll_id, "options"), {"text": text}))

    async def close(self, poll_id: str) -> Poll:
        """Close a poll (its creator and admins); idempotent."""
        return decode(Poll, await self._client.request("POST", _path(poll_id, "close"), retry=True))

    async def voters(
        self,
        poll_id: str,
        *,
        option_id: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Voter]:
        """The voters and their choices.

        Not for anonymous polls, nor before the caller may see the results.
        """
        path = _path(poll_id, "voters")
        return await self._page(Voter, path, option_id=option_id, limit=limit, cursor=cursor)
