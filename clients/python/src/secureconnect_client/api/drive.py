"""The drive: resumable uploads, downloads, folders, shares and links."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from secureconnect_client.api.base import Requester, Routes, every, given
from secureconnect_client.decoding import decode
from secureconnect_client.errors import TransportFailed
from secureconnect_client.http import segment
from secureconnect_client.models import File, Folder, Link, Page, Share

Progress = Callable[[int, int], None]
PARALLEL_PARTS = 4
PART_TRIES = 4
SETTLE_POLL_S = 0.3
_CHUNK = 1024 * 1024
_TIMEOUT = httpx.Timeout(30.0, write=120.0)


@dataclass(frozen=True, slots=True)
class _Source:
    """Bytes to upload, read in pieces."""

    content: bytes | None
    path: Path | None

    def read(self, first: int, length: int) -> bytes:
        if self.content is not None:
            return self.content[first : first + length]
        assert self.path is not None
        with self.path.open("rb") as file:
            file.seek(first)
            return file.read(length)

    def measure(self) -> tuple[int, str]:
        """The size in bytes, and the SHA-256 in hex."""
        if self.content is not None:
            return len(self.content), hashlib.sha256(self.content).hexdigest()
        digest, size = hashlib.sha256(), 0
        while piece := self.read(size, _CHUNK):
            digest.update(piece)
            size += len(piece)
        return size, digest.hexdigest()


class Drive(Routes):
    """The routes of the drive; `transport` replaces the connection to the storage in tests."""

    def __init__(self, client: Requester, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(client)
        self._transport = transport

    # -- bytes

    async def upload(
        self,
        source: bytes | Path,
        *,
        name: str | None = None,
        content_type: str = "application/octet-stream",
        client_id: str | None = None,
        folder_id: str | None = None,
        conversation_id: str | None = None,
        replaces: str | None = None,
        progress: Progress | None = None,
    ) -> File:
        """Upload bytes or a file; returns when the service has received all of them (`wait` for its verdict).

        Above 16 MiB the bytes are sent in parts, four at a time. After an interruption the same call with the
        same `client_id` sends the missing parts. `progress` is called with the number of bytes uploaded and
        the total. Raises ApiError, TransportFailed.
        """
        given_bytes = _Source(source, None) if isinstance(source, bytes) else _Source(None, source)
        size, sha256 = await asyncio.to_thread(given_bytes.measure)
        body = given(
            client_id=client_id or uuid4().hex,
            name=name or (source.name if isinstance(source, Path) else "file"),
            size=size,
            content_type=content_type,
            sha256=sha256,
            folder_id=folder_id,
            conversation_id=conversation_id,
            replaces=replaces,
        )
        begun = await self._client.request("POST", "/drive/uploads", json=body)
        how, file = begun["upload"], decode(File, begun["file"])
        if how is None:
            return file
        report = progress or (lambda there, whole: None)
        async with httpx.AsyncClient(transport=self._transport, timeout=_TIMEOUT) as storage:
            if how["kind"] == "post":
                await _post(storage, how, given_bytes.read(0, size))
                report(size, size)
            else:
                await self._send_parts(storage, file.id, body["client_id"], how, given_bytes, size, report)
        path = f"/drive/uploads/{segment(file.id)}/complete"
        return decode(
            File, await self._client.request("POST", path, json={"client_id": body["client_id"]}, retry=True)
        )

    async def _send_parts(
        self,
        storage: httpx.AsyncClient,
        file_id: str,
        client_id: str,
        how: Mapping[str, Any],
        source: _Source,
        size: int,
        report: Progress,
    ) -> None:
        path = f"/drive/uploads/{segment(file_id)}/parts"

        async def ask(numbers: list[int]) -> dict[str, Any]:
            wanted = {"client_id": client_id, "part_numbers": numbers}
            return dict(await self._client.request("POST", path, json=wanted, retry=True))

        each = how["part_size"]
        sizes = {n: min(each, size - (n - 1) * each) for n in range(1, how["part_count"] + 1)}
        uploaded = (await ask([]))["uploaded"]
        arrived = {part["number"] for part in uploaded if part["size"] == sizes.get(part["number"])}
        there = sum(sizes[number] for number in arrived)
        report(there, size)
        gate = asyncio.Semaphore(PARALLEL_PARTS)

        async def send(number: int) -> None:
            nonlocal there
            async with gate:
                piece = await asyncio.to_thread(source.read, (number - 1) * each, sizes[number])
                await _put(storage, ask, number, piece)
                there += len(piece)
                report(there, size)

        try:
            async with asyncio.TaskGroup() as tasks:
                for number in sorted(sizes.keys() - arrived):
                    tasks.create_task(send(number))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def wait(self, file_id: str, *, within_s: float = 60.0) -> File:
        """The file once it is ready or rejected. Raises TimeoutError after `within_s`."""
        async with asyncio.timeout(within_s):
            while True:
                file = await self.get(file_id)
                if file.state in ("ready", "rejected"):
                    return file
                await asyncio.sleep(SETTLE_POLL_S)

    async def download(self, file_id: str) -> bytes:
        """The bytes of a file. Raises ApiError `not_ready`."""
        address = await self._client.request("GET", f"/drive/files/{segment(file_id)}/download")
        async with httpx.AsyncClient(transport=self._transport, timeout=_TIMEOUT) as storage:
            return (await _answer(storage, "GET", address["url"])).content

    async def abort(self, file_id: str) -> None:
        await self._client.request("DELETE", f"/drive/uploads/{segment(file_id)}")

    # -- files and folders

    async def get(self, file_id: str) -> File:
        return decode(File, await self._client.request("GET", f"/drive/files/{segment(file_id)}"))

    async def change(self, file_id: str, **fields: Any) -> File:
        """Change any of name, folder_id (None: the top folder)."""
        path = f"/drive/files/{segment(file_id)}"
        return decode(File, await self._client.request("PATCH", path, json=fields, retry=True))

    async def delete(self, file_id: str, *, permanent: bool = False) -> None:
        params = {"permanent": "true"} if permanent else {}
        await self._client.request("DELETE", f"/drive/files/{segment(file_id)}", params=params)

    async def restore(self, file_id: str) -> File:
        return decode(File, await self._post(f"/drive/files/{segment(file_id)}/restore"))

    async def create_folder(self, name: str, *, parent_id: str | None = None) -> Folder:
        return decode(Folder, await self._post("/drive/folders", given(name=name, parent_id=parent_id)))

    async def children(
        self,
        folder_id: str = "root",
        *,
        sort: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page[dict[str, Any]]:
        """The folders and files in a folder as JSON objects, with their `kind`."""
        path = f"/drive/folders/{segment(folder_id)}/children"
        params = {"sort": sort, "cursor": cursor, "limit": limit}
        answer = await self._client.request("GET", path, params=params)
        return Page(tuple(answer["items"]), answer.get("next_cursor"))

    def everything_in(self, folder_id: str = "root") -> AsyncIterator[dict[str, Any]]:
        """All folders and files in a folder, requesting one page at a time."""
        return every(lambda cursor: self.children(folder_id, cursor=cursor, limit=100))

    async def search(self, q: str, **filters: Any) -> list[dict[str, Any]]:
        """The caller's files and folders by words of their names. Filters: type, limit."""
        return list((await self._client.request("GET", "/drive/search", params={"q": q, **filters}))["items"])

    async def usage(self) -> dict[str, Any]:
        """The usage: `used`, `reserved` and `quota` in bytes, and `by_type`."""
        return dict(await self._client.request("GET", "/drive/usage"))

    # -- sharing

    async def share(
        self,
        node_id: str,
        *,
        user_id: str | None = None,
        conversation_id: str | None = None,
        role: str = "viewer",
    ) -> Share:
        """Share a file or folder with a person or a conversation."""
        body = given(user_id=user_id, conversation_id=conversation_id, role=role)
        return decode(Share, await self._post(f"{_node(node_id)}/shares", body))

    async def unshare(self, node_id: str, share_id: str) -> None:
        await self._client.request("DELETE", f"{_node(node_id)}/shares/{segment(share_id)}")

    async def link(self, file_id: str, **options: Any) -> Link:
        """Create a public link. Options: expires_at (RFC 3339), password, max_downloads."""
        return decode(Link, await self._post(f"/drive/files/{segment(file_id)}/links", options))

    async def unlink(self, file_id: str, link_id: str) -> None:
        await self._client.request("DELETE", f"/drive/files/{segment(file_id)}/links/{segment(link_id)}")


def _node(node_id: str) -> str:
    kind = "folders" if node_id.startswith("fol_") else "files"
    return f"/drive/{kind}/{segment(node_id)}"


async def _post(storage: httpx.AsyncClient, how: Mapping[str, Any], content: bytes) -> None:
    await _answer(storage, "POST", how["url"], data=how["fields"], files={"file": ("file", content)})


async def _put(storage: httpx.AsyncClient, ask: Callable[..., Any], number: int, piece: bytes) -> None:
    """Upload a part, with a fresh URL for each try."""
    for turn in range(PART_TRIES):
        url = (await ask([number]))["parts"][0]["url"]
        try:
            await _answer(storage, "PUT", url, content=piece)
            return
        except TransportFailed:
            if turn + 1 == PART_TRIES:
                raise
            await asyncio.sleep(0.2 * 2**turn)


async def _answer(storage: httpx.AsyncClient, method: str, url: str, **request: Any) -> httpx.Response:
    try:
        answer = await storage.request(method, url, **request)
    except httpx.TransportError as error:
        raise TransportFailed(f"{method} to the storage: {type(error).__name__}") from error
    if not answer.is_success:
        raise TransportFailed(f"{method} to the storage: status {answer.status_code}")
    return answer
