"""People: profiles, contacts, blocks, presence; and the caller's own devices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from secureconnect_client.api.base import Routes, given
from secureconnect_client.decoding import decode, decode_all
from secureconnect_client.http import segment
from secureconnect_client.models import AuthSession, Contact, Page, Presence, Profile, Status, User


class Users(Routes):
    async def me(self) -> Profile:
        return decode(Profile, await self._client.request("GET", "/users/me"))

    async def update_me(self, **changes: Any) -> Profile:
        """Change any of display_name, bio, avatar_file_id, locale, settings.

        The avatar is made from a picture in the caller's drive; None removes it.
        """
        return decode(Profile, await self._client.request("PATCH", "/users/me", json=changes, retry=True))

    async def get(self, user_id: str) -> User:
        return decode(User, await self._client.request("GET", f"/users/{segment(user_id)}"))

    async def search(self, q: str, *, limit: int | None = None, cursor: str | None = None) -> Page[User]:
        """People whose username or display name begins with `q`."""
        return await self._page(User, "/users", q=q, limit=limit, cursor=cursor)


class Contacts(Routes):
    async def request(self, user_id: str) -> None:
        """Request a person as a contact."""
        await self._post(f"/contacts/{segment(user_id)}")

    async def accept(self, user_id: str) -> None:
        await self._post(f"/contacts/{segment(user_id)}/accept")

    async def remove(self, user_id: str) -> None:
        """End a contact, decline a request, or withdraw one."""
        await self._client.request("DELETE", f"/contacts/{segment(user_id)}")

    async def list(
        self,
        *,
        state: Literal["pending_in", "pending_out", "accepted"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Contact]:
        return await self._page(Contact, "/contacts", state=state, limit=limit, cursor=cursor)


class Blocks(Routes):
    async def add(self, user_id: str) -> None:
        await self._client.request("PUT", f"/users/me/blocks/{segment(user_id)}")

    async def remove(self, user_id: str) -> None:
        await self._client.request("DELETE", f"/users/me/blocks/{segment(user_id)}")

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[User]:
        return await self._page(User, "/users/me/blocks", limit=limit, cursor=cursor)


class Sessions(Routes):
    async def list(self) -> Page[AuthSession]:
        return await self._page(AuthSession, "/auth/sessions")

    async def revoke(self, session_id: str) -> None:
        """Sign a device out."""
        await self._client.request("DELETE", f"/auth/sessions/{segment(session_id)}")


class PresenceRoutes(Routes):
    async def set(self, status: Status, *, text: str | None = None, until: str | None = None) -> Presence:
        """Set the status that others see; `until` is an RFC 3339 time. Returns the caller's presence."""
        body = given(status=status, text=text, until=until)
        return decode(Presence, await self._client.request("PUT", "/presence", json=body, retry=True))

    async def get(self, user_ids: Iterable[str]) -> tuple[Presence, ...]:
        params = {"user_ids": ",".join(user_ids)}
        return decode_all(Presence, (await self._client.request("GET", "/presence", params=params))["items"])
