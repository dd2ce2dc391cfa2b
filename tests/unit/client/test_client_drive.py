"""The client's uploads: parts in parallel, progress, and what is missing after a kill."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from secureconnect_client.api.drive import Drive
from secureconnect_client.errors import TransportFailed
from tests.unit.client.carriers import in_loop

PART = 10


class Killed(Exception):
    """The process has ended here."""


class _Service:
    """The routes of uploads, and the storage behind them."""

    def __init__(self, size: int, *, dies_after: int | None = None) -> None:
        self.count = -(-size // PART)
        self.parts: dict[int, bytes] = {}
        self.form: bytes | None = None
        self.sent = 0
        self.dies_after = dies_after
        self.completed = 0
        self.client_ids: list[str] = []

    async def request(self, method: str, path: str, *, json: Any = None, **_: Any) -> Any:
        if path == "/drive/uploads":
            self.client_ids.append(json["client_id"])
            return {"file": {"id": "fil_1", "state": "uploading"}, "upload": self._how(json["size"])}
        if path.endswith("/parts"):
            return {
                "parts": [{"number": n, "url": f"https://storage/{n}"} for n in json["part_numbers"]],
                "uploaded": [{"number": n, "size": len(piece)} for n, piece in self.parts.items()],
            }
        self.completed += 1
        return {"id": "fil_1", "state": "processing"}

    def _how(self, size: int) -> Mapping[str, Any]:
        if size <= PART:
            return {"kind": "post", "url": "https://storage/form", "fields": {"key": "k"}}
        return {"kind": "multipart", "part_size": PART, "part_count": self.count}

    async def store(self, request: httpx.Request) -> httpx.Response:
        if self.dies_after is not None and self.sent >= self.dies_after:
            raise Killed
        body = await request.aread()
        self.sent += len(body)
        if request.url.path == "/form":
            self.form = body
        else:
            self.parts[int(request.url.path[1:])] = body
        return httpx.Response(200)


def _drive(service: _Service) -> Drive:
    return Drive(service, transport=httpx.MockTransport(service.store))


@in_loop
async def test_a_small_file_is_one_form() -> None:
    service = _Service(5)
    seen: list[tuple[int, int]] = []
    file = await _drive(service).upload(b"hello", progress=lambda there, whole: seen.append((there, whole)))
    assert (file.state, service.completed, seen) == ("processing", 1, [(5, 5)])
    assert service.form is not None
    assert b"hello" in service.form


@in_loop
async def test_a_large_file_goes_in_parts_with_progress(tmp_path: Path) -> None:
    content = bytes(range(95))
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    service = _Service(len(content))
    seen: list[int] = []
    await _drive(service).upload(path, progress=lambda there, whole: seen.append(there))
    assert b"".join(service.parts[number] for number in sorted(service.parts)) == content
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 95)


@in_loop
async def test_after_a_kill_only_what_is_missing_is_sent() -> None:
    content = bytes(range(100)) * 2
    service = _Service(len(content), dies_after=110)
    with pytest.raises(Killed):
        await _drive(service).upload(content, client_id="again")
    service.dies_after = None
    await _drive(service).upload(content, client_id="again")
    assert b"".join(service.parts[number] for number in sorted(service.parts)) == content
    assert service.sent < 1.1 * len(content)
    assert service.client_ids == ["again", "again"]


@in_loop
async def test_a_part_of_another_size_is_sent_again() -> None:
    content = bytes(range(35))
    service = _Service(len(content))
    service.parts = {1: content[:PART], 2: content[PART : PART + 3], 4: content[-5:]}
    seen: list[int] = []
    await _drive(service).upload(content, progress=lambda there, whole: seen.append(there))
    assert b"".join(service.parts[number] for number in sorted(service.parts)) == content
    assert (service.sent, seen[0], seen[-1]) == (20, 15, 35)


@in_loop
async def test_a_storage_that_refuses_is_told() -> None:
    drive = Drive(_Service(5), transport=httpx.MockTransport(lambda request: httpx.Response(403)))
    with pytest.raises(TransportFailed):
        await drive.upload(b"hello")
