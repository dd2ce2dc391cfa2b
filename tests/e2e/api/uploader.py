"""`python -m tests.e2e.api.uploader URL STORE USERNAME FILE CLIENT_ID`: uploads a file with the client package.

It prints the number of bytes sent so far (`sent N`), the number stored by the client's own progress (`there N`), and at
the end the id of the file (`file ID`).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from secureconnect_client import Client
from secureconnect_client.api.drive import Drive
from tests.e2e.people import PASSWORD

PIECE_BYTES = 64 * 1024


class _Counted(httpx.AsyncByteStream):
    """A body that prints the count before each piece is sent."""

    def __init__(self, transport: _Counting, body: httpx.AsyncByteStream) -> None:
        self._transport = transport
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._body:
            for first in range(0, len(chunk), PIECE_BYTES):
                piece = chunk[first : first + PIECE_BYTES]
                self._transport.sent += len(piece)
                print("sent", self._transport.sent, flush=True)
                yield piece

    async def aclose(self) -> None:
        await self._body.aclose()


class _Counting(httpx.AsyncHTTPTransport):
    """Counts the bytes that are sent to the storage, including those of failed tries."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        request.stream = _Counted(self, request.stream)
        return await super().handle_async_request(request)


async def main(url: str, store: str, username: str, path: str, client_id: str) -> None:
    async with Client(url, store=store) as client:
        if client.session is None:
            await client.login(username, PASSWORD)
        drive = Drive(client, transport=_Counting())
        file = await drive.upload(
            Path(path), client_id=client_id, progress=lambda there, whole: print("there", there, flush=True)
        )
        print("file", file.id, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
