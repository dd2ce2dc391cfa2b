"""The canary's walk: two people use the public API from outside, step by step.

The first walk registers the two accounts. They sign in once an hour, because each sign-in is an audit entry and a
notification, and make a group, which is deleted at the end of the hour. Sessions and group are kept between walks by
the process; Lambda may end it sooner, so whoever makes a group first deletes any that was left behind, and no list and
no log grows. Each walk opens its own socket.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from kernel import clock
from secureconnect_client import ApiError, Client, MemoryStore, SecureConnectError, Wire
from users import model as users

STEP_S = 10.0
VISIT_MS = clock.HOUR
TEXT = "The canary sings."


class NotAsSent(Exception):
    """The message that was read differs from the one that was sent."""


@dataclass(frozen=True, slots=True)
class Account:
    """One of the canary's accounts."""

    username: str
    password: str = field(repr=False)

    @property
    def email(self) -> str:
        """An address that accepts mail and discards it (Amazon SES, "Using the mailbox simulator")."""
        return f"success+{self.username}@simulator.amazonses.com"


@dataclass(frozen=True, slots=True)
class Walk:
    """The duration of each step (ms), and the first failed step with the kind of its error (empty: none failed)."""

    took_ms: dict[str, float]
    failed_at: str = ""
    why: str = ""


@dataclass(slots=True)
class _Visit:
    """The sessions of both accounts, the instant of their sign-in (ms), and their group (empty: not made yet)."""

    stores: tuple[MemoryStore, MemoryStore] = field(default_factory=lambda: (MemoryStore(), MemoryStore()))
    since: int = field(default_factory=clock.now)
    group_id: str = ""

    @property
    def is_over(self) -> bool:
        return clock.now() - self.since >= VISIT_MS


_kept: dict[tuple[str, str], _Visit] = {}  # between two walks of this process, by URL and secret


def accounts(secret: str) -> tuple[Account, Account]:
    """The two accounts derived from a secret; nobody else can register their names first without knowing it."""
    name = hashlib.sha256(secret.encode()).hexdigest()[: users.CANARY_DIGITS]
    return Account(f"{users.CANARY}{name}a", secret), Account(f"{users.CANARY}{name}b", secret)


async def walk(http_url: str, secret: str) -> Walk:
    """Walk once, without retries: an error that a client would recover from is a failure here."""
    steps = _Steps()
    (hers, his), visit = accounts(secret), _kept.pop((http_url, secret), None) or _Visit()
    ada, bob = (Client(http_url, tries=1, store=each) for each in visit.stores)
    try:
        async with ada, bob, AsyncExitStack() as at_the_end:
            async with steps.step("sign_in"):
                await asyncio.gather(_enter(ada, hers), _enter(bob, his))
            at_the_end.push_async_callback(_leave, steps, visit, "sign_out", lambda: _sign_out(ada, bob))
            at_the_end.push_async_callback(_leave, steps, visit, "tidy", lambda: _tidy(ada))
            await _talk(steps, visit, ada, bob)
    except (SecureConnectError, NotAsSent, TimeoutError) as error:
        return Walk(steps.took_ms, *(steps.failed or ("start", _kind(error))))
    if not visit.is_over:
        _kept[http_url, secret] = visit
    return Walk(steps.took_ms)


async def _leave(steps: _Steps, visit: _Visit, name: str, work: Callable[[], Awaitable[object]]) -> None:
    """A step that ends a visit: once an hour, and after a failure, so that the next walk begins anew."""
    if visit.is_over or steps.failed:
        await steps.take(name, work)


async def _sign_out(*clients: Client) -> None:
    await asyncio.gather(*(each.logout() for each in clients))


async def _talk(steps: _Steps, visit: _Visit, ada: Client, bob: Client) -> None:
    if not visit.group_id:
        async with steps.step("make_group"):
            await _tidy(ada)
            visit.group_id = (await ada.conversations.create([bob.user_id], name="canary")).id
    async with steps.step("open_socket"):
        _, wire = await bob.enter(bob.user_id)
    try:
        async with steps.step("send"):
            sent = await ada.messages.send(visit.group_id, TEXT)
        async with steps.step("arrive"):
            await _arrival(wire, sent.id)
        async with steps.step("read"):
            if (await bob.messages.get(visit.group_id, sent.id)).text != TEXT:
                raise NotAsSent
    finally:
        await wire.close()


async def _enter(client: Client, account: Account) -> None:
    if client.session is not None:
        return
    try:
        await client.login(account.username, account.password)
    except ApiError as error:
        if error.code != "invalid_credentials":
            raise
        await client.register(
            email=account.email, username=account.username, password=account.password, display_name="Canary"
        )


async def _arrival(wire: Wire, message_id: str) -> None:
    """Wait for the frame with this message."""
    while True:
        frame = json.loads(await wire.recv())
        if frame.get("type") == "message.created" and frame["data"]["id"] == message_id:
            return


async def _tidy(client: Client) -> None:
    """Delete all groups of the account: all of them are the canary's."""
    for each in [each async for each in client.conversations.iterate()]:
        await client.conversations.delete(each.id)


class _Steps:
    """Times steps and keeps the first one that failed; steps that clean up run after it."""

    def __init__(self) -> None:
        self.took_ms: dict[str, float] = {}
        self.failed: tuple[str, str] | None = None

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(STEP_S):
                yield
        except Exception as error:
            self.failed = self.failed or (name, _kind(error))
            raise
        self.took_ms[name] = round((time.perf_counter() - started) * 1_000, 1)

    async def take(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        async with self.step(name):
            await work()


def _kind(error: BaseException) -> str:
    """The class of an error and its code, without its text, which might hold a URL with a ticket."""
    return f"{type(error).__name__} {error.code}" if isinstance(error, ApiError) else type(error).__name__
