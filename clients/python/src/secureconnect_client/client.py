"""The client: one signed-in person on one server. It connects the parts and has no rules of its own."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

import httpx

from secureconnect_client.api.accounts import Accounts
from secureconnect_client.api.ai import Ai
from secureconnect_client.api.base import ActingAs, RequestOptions
from secureconnect_client.api.calls import Calls
from secureconnect_client.api.conversations import Conversations
from secureconnect_client.api.drive import Drive
from secureconnect_client.api.groups import Invitations, Moderation
from secureconnect_client.api.messages import Messages
from secureconnect_client.api.notifications import Notifications, PushDevices
from secureconnect_client.api.people import Blocks, Contacts, PresenceRoutes, Sessions, Users
from secureconnect_client.api.polls import Polls
from secureconnect_client.backoff import Backoff, ReconnectPolicy
from secureconnect_client.bookmarks import Bookmarks
from secureconnect_client.decoding import decode
from secureconnect_client.errors import ApiError
from secureconnect_client.http import DEFAULT_BACKOFF, DEFAULT_TIMEOUT, Http, content
from secureconnect_client.live import Live
from secureconnect_client.models import Profile, Ticket
from secureconnect_client.outbox import BACKOFF as OUTBOX_BACKOFF
from secureconnect_client.outbox import Outbox
from secureconnect_client.polling import Polling
from secureconnect_client.session import Session, SessionKeeper
from secureconnect_client.settings import LiveSettings, Start
from secureconnect_client.sqlite import SqliteStore
from secureconnect_client.store import MemoryStore, Store
from secureconnect_client.view import View
from secureconnect_client.wire import Dial, FrameFilter, Wire, dial, socket_url

if TYPE_CHECKING:
    from secureconnect_client.encryption.encryption import Encryption
    from secureconnect_client.encryption.vault import Vault


class Client(Accounts):
    """A client of one server, used with `async with`.

    `store` is a path (durable), a Store, or None (in memory). `ws_url` overrides the address in tickets.
    `timeout`, `tries` and `backoff` are for HTTP; `transport`, `dial` and `rng` can be replaced in tests.
    """

    def __init__(
        self,
        http_url: str,
        ws_url: str | None = None,
        *,
        store: Store | str | os.PathLike[str] | None = None,
        timeout: httpx.Timeout = DEFAULT_TIMEOUT,
        tries: int = 4,
        backoff: Backoff = DEFAULT_BACKOFF,
        outbox_backoff: Backoff = OUTBOX_BACKOFF,
        transport: httpx.AsyncBaseTransport | None = None,
        dial: Dial = dial,
        rng: random.Random | None = None,
    ) -> None:
        self.rng = rng or random.Random()
        self._http_url = http_url
        self._ws_url = ws_url
        self._dial = dial
        self._owns_store = store is None or isinstance(store, str | os.PathLike)
        self._store = _open_store(store)
        self._store_path = store if isinstance(store, str | os.PathLike) else None
        self._http = Http(
            http_url, transport=transport, timeout=timeout, tries=tries, backoff=backoff, rng=self.rng
        )
        self._session_keeper = SessionKeeper(self._http, self._store)
        self._bookmarks: Bookmarks | None = None
        self._views: dict[str, View] = {}
        self.users = Users(self)
        self.contacts = Contacts(self)
        self.blocks = Blocks(self)
        self.sessions = Sessions(self)
        self.presence = PresenceRoutes(self)
        self.devices = PushDevices(self)
        self.notifications = Notifications(self)
        self.conversations = Conversations(self)
        self.invitations = Invitations(self)
        self.messages = Messages(self)
        self.polls = Polls(self)
        self.drive = Drive(self)
        self.moderation = Moderation(self)
        self.calls = Calls(self)
        self.ai = Ai(self)
        self.outbox = Outbox(self, self._store, rng=self.rng, backoff=outbox_backoff)

    def __repr__(self) -> str:
        return f"Client({self._http_url!r}, user_id={self.session.user_id if self.session else None!r})"

    async def __aenter__(self) -> Self:
        self.outbox.kick()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.outbox.close()
        await self._session_keeper.settle()
        if self._bookmarks is not None:
            if error is None:
                self._bookmarks.done()
            self._bookmarks.flush()
        await self._http.close()
        if self._owns_store:
            self._store.close()

    # -- the session

    @property
    def session(self) -> Session | None:
        return self._session_keeper.session

    @property
    def user_id(self) -> str:
        """The id of the signed-in person. Raises NotSignedIn."""
        return self._session_keeper.user_id

    async def me(self) -> Profile:
        return await self.users.me()

    # -- requests

    async def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> Any:
        """Request any route; returns the answer's JSON, None for an empty answer.

        Raises ApiError, TransportFailed, NotSignedIn.
        """
        return content(await self.response(method, path, **options))

    async def response(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        retry: bool | None = None,
        auth: bool = True,
        as_user: str | None = None,
    ) -> httpx.Response:
        """Like `request`, but returns the response with status and headers.

        The options are those of `RequestOptions`. Raises ApiError, TransportFailed, NotSignedIn.
        """
        sent = dict(headers or {})
        if idempotency_key is not None:
            sent["Idempotency-Key"] = idempotency_key

        async def exchange(token: str | None) -> httpx.Response:
            bearer = {"Authorization": f"Bearer {token}"} if token else {}
            return await self._http.exchange(
                method, path, json=json, params=params, headers={**sent, **bearer}, retry=retry
            )

        if not auth:
            return await exchange(None)
        user_id = as_user or self._session_keeper.user_id
        token = await self._session_keeper.token(user_id)
        try:
            return await exchange(token)
        except ApiError as error:
            # An authorizer in front of the service may answer 401 without a code.
            expired = error.code == "token_expired" or not error.documented
            if error.status != 401 or not expired:
                raise
        return await exchange(await self._session_keeper.renew(token, user_id))

    async def sync(self, cursors: Mapping[str, int]) -> dict[str, Any]:
        """The answer of one `POST /sync` as JSON. `connect` and `poll` call it themselves."""
        return dict(await self.request("POST", "/sync", json={"cursors": dict(cursors)}, retry=True))

    async def ticket(self, *, as_user: str | None = None) -> Ticket:
        """A single-use ticket for opening a socket."""
        path = "/realtime/tickets"
        return decode(Ticket, await self.request("POST", path, retry=True, as_user=as_user))

    async def health(self) -> dict[str, Any]:
        return dict(await self.request("GET", "/health", auth=False))

    async def ready(self) -> dict[str, Any]:
        """The service's readiness report. Raises ApiError 503 if it is not ready."""
        return dict(await self.request("GET", "/health/ready", auth=False, retry=False))

    # -- events

    def connect(
        self,
        *,
        start: Start = "resume",
        track_state: bool = False,
        ping_interval_s: float = 240.0,
        delivered_every_s: float | None = 5.0,
        request_timeout_s: float = 10.0,
        connect_timeout_s: float = 30.0,
        gap_wait_s: float = 0.15,
        max_queue: int = 10_000,
        policy: ReconnectPolicy | None = None,
        frame_filter: FrameFilter | None = None,
    ) -> Live:
        """A stream of events as they happen; `async with` it. One stream at a time per client.

        `start`: where the last stream or poll stopped (all history, if there was none), at the beginning, or
        with new events only. `delivered_every_s` is how often the server is told what was received, for
        receipts; None: never. `track_state` keeps the present state of every conversation. `gap_wait_s` is
        how long frames may be out of order before the log is read. `frame_filter` changes incoming frames,
        for tests. Raises NotSignedIn.
        """
        settings = LiveSettings(
            start=start,
            track_state=track_state,
            ping_interval_s=ping_interval_s,
            delivered_every_s=delivered_every_s,
            request_timeout_s=request_timeout_s,
            connect_timeout_s=connect_timeout_s,
            gap_wait_s=gap_wait_s,
            max_queue=max_queue,
            policy=policy or ReconnectPolicy(),
            frame_filter=frame_filter,
        )
        return Live(self, settings)

    def poll(self, *, interval_s: float = 5.0) -> Polling:
        """The same events as `connect` without a socket: `async for event in client.poll()`.

        Raises NotSignedIn.
        """
        return Polling(self, interval_s=interval_s)

    # -- encryption

    def encryption(
        self, device_id: str, *, vault: Vault | str | os.PathLike[str] | None = None
    ) -> Encryption:
        """End-to-end encryption of the signed-in account on this device (the extra `encryption`).

        `vault` stores its keys: a path, a Vault, or None for the file of `store` (in memory, if there is
        none). Raises NotSignedIn, and ImportError without the extra.
        """
        from secureconnect_client.encryption.encryption import Encryption
        from secureconnect_client.encryption.mls_rs import MlsRsEngine
        from secureconnect_client.encryption.vault import MemoryVault, SqliteVault

        user_id = self.user_id
        place = self._store_path if vault is None else vault
        kept: Vault
        if place is None:
            kept = MemoryVault()
        elif isinstance(place, str | os.PathLike):
            kept = SqliteVault(place, user_id)
        else:
            kept = place
        engine = MlsRsEngine(kept, user_id=user_id, device_id=device_id)
        made = Encryption(ActingAs(self, user_id), kept, engine, user_id=user_id, device_id=device_id)
        self.view().encrypted_from = made.encrypted_from
        return made

    # -- for other modules of the client

    async def enter(self, user_id: str) -> tuple[Ticket, Wire]:
        """Get a ticket for this person and open a socket with it."""
        ticket = await self.ticket(as_user=user_id)
        return ticket, await self._dial(socket_url(ticket, http_url=self._http_url, ws_url=self._ws_url))

    def bookmarks(self) -> Bookmarks:
        """The cursors of the signed-in account."""
        if self._bookmarks is None or self._bookmarks.account != self.user_id:
            self._bookmarks = Bookmarks(self._store, self.user_id)
        return self._bookmarks

    def view(self) -> View:
        """The conversations' states of the signed-in account."""
        return self._views.setdefault(self.user_id, View(self.user_id))


def _open_store(store: Store | str | os.PathLike[str] | None) -> Store:
    if store is None:
        return MemoryStore()
    return SqliteStore(store) if isinstance(store, str | os.PathLike) else store
