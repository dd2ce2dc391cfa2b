"""The drive for end-to-end tests: uploads with plain requests, as any client makes them."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import httpx

from tests.e2e.people import Person
from tests.e2e.tools import eventually

MIB = 1024 * 1024
TEXT, BYTES = "text/plain", "application/octet-stream"
SETTLED_WITHIN_S = 90.0


def fields(content: bytes, **given: Any) -> dict[str, Any]:
    """The body of a new upload."""
    return {
        "client_id": secrets.token_hex(8),
        "name": "notes.txt",
        "size": len(content),
        "content_type": TEXT,
        "sha256": hashlib.sha256(content).hexdigest(),
        **given,
    }


def begin(who: Person, content: bytes, **given: Any) -> dict[str, Any]:
    made: dict[str, Any] = who.ok("POST", "/drive/uploads", fields(content, **given))
    return made


def post_form(upload: dict[str, Any], content: bytes, **changed: str) -> httpx.Response:
    """Post the form of an upload of up to 16 MiB."""
    form = {**upload["fields"], **changed}
    return httpx.post(upload["url"], data=form, files={"file": ("file", content)}, timeout=120.0)


def send_part(who: Person, file_id: str, number: int, piece: bytes) -> str:
    """Upload one part; returns its etag."""
    asked = who.ok("POST", f"/drive/uploads/{file_id}/parts", {"part_numbers": [number]})
    answer = httpx.put(asked["parts"][0]["url"], content=piece, timeout=120.0)
    assert answer.status_code == 200, answer.text
    return answer.headers["etag"]


def settled(who: Person, file_id: str) -> dict[str, Any]:
    """The file, once it is ready or rejected."""

    def look() -> dict[str, Any] | None:
        file: dict[str, Any] = who.ok("GET", f"/drive/files/{file_id}")
        return file if file["state"] in ("ready", "rejected") else None

    found = eventually(look, within_s=SETTLED_WITHIN_S, every_s=0.2)
    assert found is not None
    return found


def upload(who: Person, content: bytes, **given: Any) -> dict[str, Any]:
    """Upload a new file (or version) and wait for the result of its intake."""
    begun = begin(who, content, **given)
    file_id, how = begun["file"]["id"], begun["upload"]
    if how["kind"] == "post":
        answer = post_form(how, content)
        assert answer.status_code in (200, 201, 204), answer.text
    else:
        size = how["part_size"]
        for number in range(1, how["part_count"] + 1):
            send_part(who, file_id, number, content[(number - 1) * size : number * size])
    assert who.post(f"/drive/uploads/{file_id}/complete", {}).status_code == 202
    return settled(who, file_id)


def download(who: Person, file_id: str) -> httpx.Response:
    """Download a file from the URL that the API returns."""
    return httpx.get(who.ok("GET", f"/drive/files/{file_id}/download")["url"], timeout=120.0)
