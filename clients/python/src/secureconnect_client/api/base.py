"""The interface that routes need from a client, and their common base."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol, TypedDict, TypeVar, Unpack
from uuid import uuid4

from secureconnect_client.decoding import decode_all
from secureconnect_client.models import Page

T = TypeVar("T")


class RequestOptions(TypedDict, total=False):
    """Options of a request besides its method and path.

    `json` is its body. `retry` overrides whether it may be repeated. Without `auth` it carries no token. With
    `as_user` it is only sent if that person is signed in.
    """

    json: Any
    params: Mapping[str, Any] | None
    headers: Mapping[str, str] | None
    idempotency_key: str | None
    retry: bool | None
    auth: bool
    as_user: str | None


class Requester(Protocol):
    """An object that sends requests; see `Client.request`."""

    async def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> Any: ...


class ActingAs(Requester):
    """Sends requests only while this person is signed in; otherwise they raise NotSignedIn."""

    def __init__(self, client: Requester, user_id: str) -> None:
        self._client = client
        self._user_id = user_id

    async def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> Any:
        options["as_user"] = self._user_id
        return await self._client.request(method, path, **options)


class Routes:
    """The base of every group of routes."""

    def __init__(self, client: Requester) -> None:
        self._client = client

    async def _post(self, path: str, body: Any = None, *, idempotency_key: str | None = None) -> Any:
        """A POST that may be retried, because it always carries an idempotency key."""
        key = idempotency_key or uuid4().hex
        return await self._client.request("POST", path, json=body, idempotency_key=key)

    async def _page(self, cls: type[T], path: str, **params: Any) -> Page[T]:
        answer = await self._client.request("GET", path, params=params)
        return Page(decode_all(cls, answer["items"]), answer.get("next_cursor"))


async def every(pages: Callable[[str | None], Awaitable[Page[T]]]) -> AsyncIterator[T]:
    """All items of a list, requesting one page at a time."""
    cursor: str | None = None
    while True:
        page = await pages(cursor)
        for item in page.items:
            yield item
        cursor = page.next_cursor
        if cursor is None:
            return


def given(**fields: Any) -> dict[str, Any]:
    """A body of the fields that are not None, because the API accepts neither unknown fields nor null."""
    return {name: value for name, value in fields.items() if value is not None}
