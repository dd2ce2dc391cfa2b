"""Joining groups by links, and moderation."""

from __future__ import annotations

from typing import Literal

from secureconnect_client.api.base import Routes, given
from secureconnect_client.api.conversations import path_of
from secureconnect_client.decoding import decode
from secureconnect_client.http import segment
from secureconnect_client.models import (
    Acceptance,
    Ban,
    Invitation,
    InvitationPreview,
    JoinRequest,
    Member,
    Page,
    Report,
)


class Invitations(Routes):
    async def create(
        self,
        conversation_id: str,
        *,
        expires_in: int | None = None,
        max_uses: int | None = None,
        needs_approval: bool = False,
        idempotency_key: str | None = None,
    ) -> Invitation:
        """Create a link, valid for `expires_in` seconds (default: a week).

        Only this answer has the link's `token`.
        """
        body = given(expires_in=expires_in, max_uses=max_uses) | {"needs_approval": needs_approval}
        path = path_of(conversation_id, "invitations")
        return decode(Invitation, await self._post(path, body, idempotency_key=idempotency_key))

    async def list(
        self, conversation_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[Invitation]:
        """Links, newest first: all for admins, their own for others."""
        return await self._page(
            Invitation, path_of(conversation_id, "invitations"), limit=limit, cursor=cursor
        )

    async def revoke(self, conversation_id: str, invitation_id: str) -> None:
        await self._client.request("DELETE", path_of(conversation_id, "invitations", invitation_id))

    async def preview(self, token: str) -> InvitationPreview:
        """The group to which a link leads."""
        answer = await self._client.request("GET", f"/invitations/{segment(token)}")
        return decode(InvitationPreview, answer)

    async def accept(self, token: str) -> Acceptance:
        """Join, or request to join; idempotent."""
        return decode(Acceptance, await self._post(f"/invitations/{segment(token)}/accept"))

    async def requests(
        self, conversation_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[JoinRequest]:
        """The requests to join (for admins)."""
        path = path_of(conversation_id, "join-requests")
        return await self._page(JoinRequest, path, limit=limit, cursor=cursor)

    async def approve(self, conversation_id: str, user_id: str) -> Member:
        path = path_of(conversation_id, "join-requests", user_id, "approve")
        return decode(Member, await self._post(path))

    async def decline(self, conversation_id: str, user_id: str) -> None:
        """Decline a request to join, or withdraw one's own."""
        await self._client.request("DELETE", path_of(conversation_id, "join-requests", user_id))


class Moderation(Routes):
    async def report(
        self, conversation_id: str, message_id: str, reason: str, *, idempotency_key: str | None = None
    ) -> Report:
        """Report a message to the group's admins; one report per person and message."""
        path = path_of(conversation_id, "messages", message_id, "reports")
        return decode(Report, await self._post(path, {"reason": reason}, idempotency_key=idempotency_key))

    async def reports(
        self,
        conversation_id: str,
        *,
        state: Literal["open", "decided"] = "open",
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Report]:
        """The admins' queue: open reports, oldest first, or decided ones, newest first."""
        path = path_of(conversation_id, "reports")
        return await self._page(Report, path, state=state, limit=limit, cursor=cursor)

    async def decide(
        self,
        conversation_id: str,
        report_id: str,
        state: Literal["resolved", "dismissed"],
        *,
        delete_message: bool = False,
    ) -> Report:
        """Resolve or dismiss a report and all other open reports of the same message."""
        path = path_of(conversation_id, "reports", report_id)
        body = {"state": state, "delete_message": delete_message}
        return decode(Report, await self._client.request("PATCH", path, json=body, retry=True))

    async def bans(
        self, conversation_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[Ban]:
        """The people who were removed and cannot come back by a link (for admins)."""
        return await self._page(Ban, path_of(conversation_id, "bans"), limit=limit, cursor=cursor)

    async def unban(self, conversation_id: str, user_id: str) -> None:
        await self._client.request("DELETE", path_of(conversation_id, "bans", user_id))
