"""The caller's session: its tokens and their renewal.

Refresh tokens rotate, and using an old one more than 30 s after its successor was issued revokes the whole
session. Hence the rules here: one refresh at a time; the new token is stored before it is used; a refresh is
never interrupted; and the store is read first, because another process may have refreshed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from secureconnect_client.errors import ApiError, NotSignedIn, TransportFailed
from secureconnect_client.http import Http, content

if TYPE_CHECKING:
    from secureconnect_client.store import Store

REFRESH_AHEAD_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """An access token (15 min), and the refresh token (30 days) for the next one.

    `expires_at` is in epoch seconds by this machine's clock.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float
    session_id: str = ""

    @classmethod
    def from_answer(cls, tokens: Mapping[str, Any], *, now: float) -> Tokens:
        return cls(
            access_token=tokens["access_token"],
            refresh_token=tokens["refresh_token"],
            expires_at=now + float(tokens["expires_in"]),
            session_id=tokens.get("session_id", ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The signed-in person and their tokens."""

    user_id: str
    tokens: Tokens


class SessionKeeper:
    """Provides a valid access token."""

    def __init__(self, http: Http, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._http = http
        self._store = store
        self._clock = clock
        self._session = store.load_session()
        self._refreshing: asyncio.Task[Tokens] | None = None

    @property
    def session(self) -> Session | None:
        return self._session

    @property
    def user_id(self) -> str:
        """The id of the signed-in person. Raises NotSignedIn."""
        return self._require().user_id

    def begin(self, answer: Mapping[str, Any]) -> None:
        """Begin the session in the answer `{user, tokens}` of a sign-in."""
        tokens = Tokens.from_answer(answer["tokens"], now=self._clock())
        self._save(Session(user_id=answer["user"]["id"], tokens=tokens))

    def end(self) -> None:
        """Forget the session here; the server is not told."""
        self._session = None
        self._store.save_session(None)

    async def token(self, user_id: str) -> str:
        """A valid access token of this person. Raises NotSignedIn, ApiError, TransportFailed."""
        tokens = self._require(user_id).tokens
        if tokens.expires_at - self._clock() > REFRESH_AHEAD_S:
            return tokens.access_token
        try:
            return await self.renew(tokens.access_token, user_id)
        except (ApiError, TransportFailed) as error:
            # The token is still valid for a moment, so a temporary failure of the refresh need not show.
            passing = isinstance(error, TransportFailed) or error.transient
            if passing and tokens.expires_at > self._clock():
                return tokens.access_token
            raise

    async def renew(self, stale: str, user_id: str) -> str:
        """A token other than `stale`; concurrent callers share one refresh."""
        session = self._require(user_id)
        if session.tokens.access_token != stale:
            return session.tokens.access_token
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh(session))
        # A cancelled caller must not cancel the refresh.
        return (await asyncio.shield(self._refreshing)).access_token

    async def settle(self) -> None:
        """Wait for a refresh in progress, so that its tokens are not lost."""
        if self._refreshing is not None:
            await asyncio.gather(self._refreshing, return_exceptions=True)

    async def _refresh(self, session: Session) -> Tokens:
        elsewhere = self._store.load_session()
        if elsewhere and elsewhere.user_id == session.user_id and elsewhere.tokens != session.tokens:
            self._session = elsewhere
            if elsewhere.tokens.expires_at > self._clock():
                return elsewhere.tokens
            session = elsewhere
        body = {"refresh_token": session.tokens.refresh_token}
        try:
            # Safe to retry: for 30 s the same token is answered with the same new one.
            answer = content(await self._http.exchange("POST", "/auth/refresh", json=body, retry=True))
        except ApiError as error:
            if error.status == 401:
                self._forget(session)
            raise
        tokens = Tokens.from_answer(answer["tokens"], now=self._clock())
        if self._session is not None:  # None: signed out meanwhile
            self._save(Session(user_id=session.user_id, tokens=tokens))
        return tokens

    def _forget(self, session: Session) -> None:
        if self._store.load_session() == session:
            self._store.save_session(None)
        if self._session == session:
            self._session = None

    def _save(self, session: Session) -> None:
        self._store.save_session(session)
        self._session = session

    def _require(self, user_id: str | None = None) -> Session:
        if self._session is None:
            raise NotSignedIn("sign in first: await client.login(...)")
        if user_id not in (None, self._session.user_id):
            raise NotSignedIn("somebody else is signed in now")
        return self._session
