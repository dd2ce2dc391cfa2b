"""What people do with the drive, to be counted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

from kernel import aws, ids
from kernel.config import config
from perf import gateway
from perf.gateway import Reply
from perf.people import Person, newcomers
from perf.scenes import Operation
from perf.stage import Stage

CONTENT = b"hello"
FILE, FOLDER = "/drive/files/{file_id}", "/drive/folders/{folder_id}"


def _begin(person: Person, **fields: Any) -> Reply:
    body = {
        "client_id": ids.new("c"),
        "name": "notes.txt",
        "size": len(CONTENT),
        "content_type": "text/plain",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        **fields,
    }
    return gateway.http("UploadsFunction", "POST /drive/uploads", person, body=body)


def _arrive(begun: Any) -> dict[str, Any]:
    """Put the bytes where the form says; what the intake is told."""
    key = begun["upload"]["fields"]["key"]
    answer = aws.client("s3").put_object(Bucket=config().blob_bucket, Key=key, Body=CONTENT)
    return {"key": key, "version-id": answer["VersionId"]}


def _ready(person: Person, **fields: Any) -> str:
    """The id of a file that is ready."""
    begun = _begin(person, **fields).json()
    seen = gateway.invoke("IntakeInspectFunction", _arrive(begun))
    gateway.invoke("IntakeSettleFunction", seen)
    return str(begun["file"]["id"])


def _folder(person: Person, name: str, parent_id: str | None = None) -> str:
    body = {"name": name, "parent_id": parent_id}
    return str(gateway.http("DriveFunction", "POST /drive/folders", person, body=body).json()["id"])


def begin_upload(_stage: Stage) -> Operation:
    person = newcomers(1)[0]
    return Operation(lambda _: _begin(person))


def complete_upload(_stage: Stage) -> Operation:
    person, begun = newcomers(1)[0], list[Any]()

    def before(_turn: int) -> None:
        begun.append(_begin(person).json())
        _arrive(begun[-1])

    def run(_turn: int) -> Reply:
        path = {"file_id": begun[-1]["file"]["id"]}
        return gateway.http("UploadsFunction", "POST /drive/uploads/{file_id}/complete", person, path=path, body={})

    return Operation(run, before=before)


def intake(_stage: Stage) -> Operation:
    person, arrived = newcomers(1)[0], list[dict[str, Any]]()

    def run(_turn: int) -> Reply:
        seen = gateway.invoke("IntakeInspectFunction", arrived[-1])
        return Reply(200 if gateway.invoke("IntakeSettleFunction", seen)["outcome"] == "ready" else 500, "")

    return Operation(run, before=lambda _: arrived.append(_arrive(_begin(person).json())))


def _shared_file() -> tuple[Person, Person, dict[str, str]]:
    """Owner and viewer of a file two folders below the one that is shared."""
    owner, viewer = newcomers(2)
    top = _folder(owner, "top")
    file_id = _ready(owner, folder_id=_folder(owner, "inner", top))
    body = {"user_id": viewer.user_id, "role": "viewer"}
    path = {"folder_id": top}
    gateway.http("SharingFunction", f"POST {FOLDER}/shares", owner, path=path, body=body)
    return owner, viewer, {"file_id": file_id}


def download(shared: bool, _stage: Stage) -> Operation:
    owner, viewer, path = _shared_file()
    who = viewer if shared else owner
    return Operation(lambda _: gateway.http("DriveFunction", f"GET {FILE}/download", who, path=path))


def children(_stage: Stage) -> Operation:
    owner = newcomers(1)[0]
    top = _folder(owner, "top")
    for number in range(60):
        _folder(owner, f"{number:02}", top)
    path = {"folder_id": top}
    return Operation(lambda _: gateway.http("DriveFunction", f"GET {FOLDER}/children", owner, path=path))


OPERATIONS: dict[str, Callable[[Stage], Operation]] = {
    "begin an upload": begin_upload,
    "complete an upload": complete_upload,
    "intake of a small file": intake,
    "download, own file": partial(download, False),
    "download, shared two folders up": partial(download, True),
    "list 50 of a folder": children,
}
