"""Registration, sign-in and sign-out, passwords, second factors.

A sign-in's answer becomes the client's session.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secureconnect_client.api.base import Requester, given
from secureconnect_client.decoding import decode, decode_all
from secureconnect_client.http import segment
from secureconnect_client.models import Passkey, Profile
from secureconnect_client.outbox import Outbox
from secureconnect_client.session import SessionKeeper
from secureconnect_client.store import Store


class Accounts(Requester):
    """The base class of the client with the routes of accounts."""

    _session_keeper: SessionKeeper
    _store: Store
    outbox: Outbox

    async def register(self, *, email: str, username: str, password: str, display_name: str) -> Profile:
        """Create an account and sign in. ApiError codes: email_taken, username_taken, validation_failed."""
        body = {"email": email, "username": username, "password": password, "display_name": display_name}
        return await self._begin("/auth/register", body)

    async def login(
        self, identifier: str, password: str, *, device_name: str | None = None, totp: str | None = None
    ) -> Profile:
        """Sign in by e-mail or username.

        ApiError codes: invalid_credentials, totp_required, passkey_required, account_locked (with
        `retry_after`).
        """
        body = given(identifier=identifier, password=password, device_name=device_name, totp=totp)
        return await self._begin("/auth/login", body)

    async def logout(self, *, forget: bool = False) -> None:
        """End the session on the server and here. `forget` also removes this account's cursors and outbox."""
        account = self._session_keeper.user_id
        try:
            await self.request("POST", "/auth/logout", retry=True)
        finally:
            self._session_keeper.end()
            if forget:
                self._store.wipe(account)

    async def logout_everywhere(self) -> None:
        """End all sessions of the account."""
        await self.request("POST", "/auth/logout-all", retry=True)
        self._session_keeper.end()

    async def change_password(self, current_password: str, new_password: str) -> None:
        """Change the password; all other sessions end."""
        body = {"current_password": current_password, "new_password": new_password}
        await self.request("POST", "/auth/password/change", json=body)

    async def forgot_password(self, email: str) -> None:
        """Request a reset token by e-mail; the answer is the same for an unknown address."""
        await self.request("POST", "/auth/password/forgot", json={"email": email}, auth=False)

    async def reset_password(self, token: str, new_password: str) -> None:
        body = {"token": token, "new_password": new_password}
        await self.request("POST", "/auth/password/reset", json=body, auth=False)

    async def verify_email(self, token: str) -> None:
        await self.request("POST", "/auth/email/verify", json={"token": token}, auth=False)

    async def disown_session(self, token: str) -> None:
        """End the session that an e-mail alert reported, and all sessions begun since."""
        await self.request("POST", "/auth/sessions/disown", json={"token": token}, auth=False)

    async def begin_totp(self, password: str) -> dict[str, Any]:
        """Set up a second factor, which `confirm_totp` activates.

        Returns `secret`, `otpauth_uri` and `recovery_codes`, which are shown only once.
        """
        return dict(await self.request("POST", "/auth/totp", json={"password": password}))

    async def confirm_totp(self, code: str) -> None:
        """Activate the second factor with a code. ApiError codes: invalid_credentials, account_locked."""
        await self.request("POST", "/auth/totp/confirm", json={"code": code})

    async def remove_totp(self, password: str, code: str) -> None:
        """Remove the second factor; `code` may be a recovery code."""
        await self.request("DELETE", "/auth/totp", json={"password": password, "code": code}, retry=False)

    async def begin_passkey(self, *, password: str | None = None) -> dict[str, Any]:
        """Begin adding a passkey; valid for 5 minutes.

        Returns `registration_id`, and `options` for `navigator.credentials.create`. ApiError code
        step_up_required: the last sign-in was more than 10 minutes ago, so the password is needed.
        """
        return dict(await self.request("POST", "/auth/passkeys/registrations", json=given(password=password)))

    async def add_passkey(self, registration_id: str, credential: Mapping[str, Any], name: str) -> Passkey:
        """Store the credential that an authenticator has created (its JSON form, WebAuthn level 3)."""
        body = {"registration_id": registration_id, "credential": dict(credential), "name": name}
        return decode(Passkey, await self.request("POST", "/auth/passkeys", json=body))

    async def passkeys(self) -> tuple[Passkey, ...]:
        return decode_all(Passkey, (await self.request("GET", "/auth/passkeys"))["items"])

    async def remove_passkey(self, passkey_id: str, *, password: str | None = None) -> None:
        path = f"/auth/passkeys/{segment(passkey_id)}"
        await self.request("DELETE", path, json=given(password=password), retry=False)

    async def passkey_challenge(self) -> dict[str, Any]:
        """Begin a sign-in by passkey; valid for 5 minutes.

        Returns `challenge_id`, and `options` for `navigator.credentials.get`.
        """
        return dict(await self.request("POST", "/auth/passkeys/challenges", json={}, auth=False))

    async def login_with_passkey(
        self, challenge_id: str, credential: Mapping[str, Any], *, device_name: str | None = None
    ) -> Profile:
        """Sign in with an authenticator's answer; ApiError code invalid_credentials for any failure."""
        body = given(challenge_id=challenge_id, credential=dict(credential), device_name=device_name)
        return await self._begin("/auth/passkeys/login", body)

    async def erase_account(self, password: str) -> str:
        """Sign out and request the erasure of the account; returns the time at which it will be erased.

        Until then the person can sign in and call `restore_account`.
        """
        answer = await self.request("DELETE", "/users/me", json={"password": password}, retry=False)
        self._session_keeper.end()
        return str(answer["erased_at"])

    async def restore_account(self) -> None:
        """Cancel the erasure of one's account before its time."""
        await self.request("POST", "/users/me/restore")

    async def begin_export(self, *, password: str | None = None) -> str:
        """Request a copy of all data about oneself; returns its id.

        One per day (ApiError code rate_limited).
        """
        answer = await self.request("POST", "/users/me/exports", json=given(password=password))
        return str(answer["id"])

    async def export(self, export_id: str) -> dict[str, Any]:
        """`{id, status, url, size, created_at, expires_at}`; `url` is set while `status` is ready."""
        return dict(await self.request("GET", f"/users/me/exports/{segment(export_id)}"))

    async def _begin(self, path: str, body: dict[str, Any]) -> Profile:
        answer = await self.request("POST", path, json=body, auth=False)
        self._session_keeper.begin(answer)
        self.outbox.kick()
        return decode(Profile, answer["user"])
