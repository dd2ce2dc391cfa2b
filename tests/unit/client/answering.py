"""A server that answers every request alike, for tests of what a method asks and makes of the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

from secureconnect_client import Client

T = TypeVar("T")


class Answering:
    """Remembers what it was asked; an answer of None has no body. Signing in always works."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/auth/login"):
            tokens = {"access_token": "a", "refresh_token": "r", "expires_in": 900, "session_id": "ses_1"}
            return httpx.Response(200, json={"user": {"id": "usr_1"}, "tokens": tokens})
        self.asked.append(request)
        return httpx.Response(204) if self.answer is None else httpx.Response(200, json=self.answer)

    def client(self) -> Client:
        return Client("http://chat.test/v1", transport=httpx.MockTransport(self))


async def asked(do: Callable[[Client], Awaitable[T]], answer: Any) -> tuple[httpx.Request, T]:
    """The one request that this makes, and what comes of the answer."""
    server = Answering(answer)
    async with server.client() as client:
        await client.login("ada", "a password")
        outcome = await do(client)
    (request,) = server.asked
    return request, outcome
