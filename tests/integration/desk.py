"""The drive for tests: files that people upload, with the intake run in place as its machine would."""

from __future__ import annotations

import hashlib
import io
import itertools
from typing import Any

from drive.files import service as files
from drive.model import StorageUsage
from drive.uploads import intake, usage_store
from drive.uploads import service as uploads
from drive.uploads.service import NewUpload
from kernel import aws
from kernel.caller import Caller
from tests.conftest import BUCKET

TEXT = "text/plain"
BYTES = "application/octet-stream"
_numbers = itertools.count()


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def begin(who: Caller, content: bytes = b"hello", **fields: Any) -> dict[str, Any]:
    """Begin an upload; the fields are those of NewUpload. Returns the answer `{file, upload}`."""
    made, _ = uploads.begin(caller=who, wanted=wanted(content, **fields))
    return made


def wanted(content: bytes = b"hello", **fields: Any) -> NewUpload:
    values: dict[str, Any] = {
        "client_id": f"c-{next(_numbers)}",
        "name": "notes.txt",
        "size": len(content),
        "content_type": TEXT,
        "sha256": sha(content),
        "folder_id": None,
        "conversation_id": None,
        "replaces": None,
    }
    return NewUpload(**{**values, **fields})


def state(who: Caller, file_id: str) -> tuple[str, str | None]:
    """The state of a file, and why it was rejected if it was."""
    file = files.get(caller=who, file_id=file_id)
    return file["state"], file["reject_reason"]


def send(begun: dict[str, Any], content: bytes) -> tuple[str, str]:
    """Put the bytes where the form says; the key and the version they got."""
    key = begun["upload"]["fields"]["key"]
    answer = aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
    return key, answer["VersionId"]


def arrive(key: str, version: str, *, thumbnail: bool = False) -> str:
    """What the machine does with bytes that have arrived; what became of the file."""
    seen = intake.inspect(key, version)
    if seen["verdict"] == "stale":
        return "stale"
    if thumbnail and seen["verdict"] == "clean" and seen["image"]:
        from drive.uploads import thumbnails

        seen["thumbnail"] = thumbnails.make(key, seen["version"])
    return intake.settle(seen)


def put(who: Caller, content: bytes = b"hello", **fields: Any) -> str:
    """The id of a new file (or of the file that got a version) after its intake."""
    begun = begin(who, content, **fields)
    arrive(*send(begun, content))
    return str(begun["file"]["id"])


def picture(width: int, height: int) -> bytes:
    """A PNG."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("1", (width, height)).save(out, "PNG")
    return out.getvalue()


def put_picture(who: Caller, width: int, height: int, **fields: Any) -> str:
    """The id of a new picture after its intake."""
    content = picture(width, height)
    begun = begin(who, content, name="a.png", content_type="image/png", **fields)
    arrive(*send(begun, content), thumbnail=True)
    return str(begun["file"]["id"])


def usage(who: Caller) -> StorageUsage:
    return usage_store.read(who.user_id)


def blobs_left() -> list[str]:
    """The keys of all versions in the bucket."""
    listed = aws.client("s3").list_object_versions(Bucket=BUCKET)
    return [each["Key"] for each in listed.get("Versions", ())]
