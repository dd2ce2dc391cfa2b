"""Counted operations of the drive."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

from kernel import aws, ids
from kernel.config import config
from perf import gateway
from perf.fixtures import Operation, call, new_conversation, worked
from perf.gateway import Reply
from perf.in_process_stack import InProcessStack
from perf.people import Person, newcomers

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
    """Upload the bytes of a form; returns the event for the intake."""
    key = begun["upload"]["fields"]["key"]
    answer = aws.client("s3").put_object(Bucket=config().blob_bucket, Key=key, Body=CONTENT)
    return {"key": key, "version-id": answer["VersionId"]}


def _ready(person: Person, **fields: Any) -> str:
    """The id of a new file that is ready."""
    begun = _begin(person, **fields).json()
    seen = gateway.invoke("IntakeInspectFunction", _arrive(begun))
    gateway.invoke("IntakeSettleFunction", seen)
    return str(begun["file"]["id"])


def _folder(person: Person, name: str, parent_id: str | None = None) -> str:
    body = {"name": name, "parent_id": parent_id}
    return str(gateway.http("DriveFunction", "POST /drive/folders", person, body=body).json()["id"])


def begin_upload(_stack: InProcessStack) -> Operation:
    person = newcomers(1)[0]
    return Operation(lambda _: _begin(person))


def complete_upload(_stack: InProcessStack) -> Operation:
    person, begun = newcomers(1)[0], list[Any]()

    def before(_turn: int) -> None:
        begun.append(_begin(person).json())
        _arrive(begun[-1])

    def run(_turn: int) -> Reply:
        path = {"file_id": begun[-1]["file"]["id"]}
        return gateway.http("UploadsFunction", "POST /drive/uploads/{file_id}/complete", person, path=path, body={})

    return Operation(run, before=before)


def ask_for_parts(_stack: InProcessStack) -> Operation:
    """Request three parts of a large file."""
    person = newcomers(1)[0]
    file_id = _begin(person, size=100 * 2**20).json()["file"]["id"]
    route, body = "POST /drive/uploads/{file_id}/parts", {"part_numbers": [1, 2, 3]}
    return Operation(lambda _: call("UploadsFunction", route, person, body, file_id=file_id))


def abort_upload(_stack: InProcessStack) -> Operation:
    person, begun = newcomers(1)[0], list[str]()
    return Operation(
        lambda _: call("UploadsFunction", "DELETE /drive/uploads/{file_id}", person, file_id=begun[-1]),
        before=lambda _: begun.append(_begin(person).json()["file"]["id"]),
    )


def intake(_stack: InProcessStack) -> Operation:
    person, arrived = newcomers(1)[0], list[dict[str, Any]]()

    def run(_turn: int) -> Reply:
        seen = gateway.invoke("IntakeInspectFunction", arrived[-1])
        return worked(gateway.invoke("IntakeSettleFunction", seen)["outcome"] == "ready")

    return Operation(run, before=lambda _: arrived.append(_arrive(_begin(person).json())))


def _shared_file() -> tuple[Person, Person, dict[str, str]]:
    """The owner and a viewer of a file two folders below the shared one, and the file's path parameters."""
    owner, viewer = newcomers(2)
    top = _folder(owner, "top")
    file_id = _ready(owner, folder_id=_folder(owner, "inner", top))
    body = {"user_id": viewer.user_id, "role": "viewer"}
    path = {"folder_id": top}
    gateway.http("SharingFunction", f"POST {FOLDER}/shares", owner, path=path, body=body)
    return owner, viewer, {"file_id": file_id}


def download(shared: bool, _stack: InProcessStack) -> Operation:
    owner, viewer, path = _shared_file()
    who = viewer if shared else owner
    return Operation(lambda _: gateway.http("DriveFunction", f"GET {FILE}/download", who, path=path))


def children(_stack: InProcessStack) -> Operation:
    owner = newcomers(1)[0]
    top = _folder(owner, "top")
    for number in range(60):
        _folder(owner, f"{number:02}", top)
    path = {"folder_id": top}
    return Operation(lambda _: gateway.http("DriveFunction", f"GET {FOLDER}/children", owner, path=path))


class _Drive:
    """A person's drive with a file in a folder."""

    def __init__(self) -> None:
        self.owner = newcomers(1)[0]
        self.folder_id = _folder(self.owner, "top")
        self.file_id = _ready(self.owner, folder_id=self.folder_id)

    def on_file(self, method: str, ending: str = "", body: Any = None, **path: str) -> Reply:
        path["file_id"] = self.file_id
        return call(_function_of(ending), f"{method} {FILE}{ending}", self.owner, body, **path)

    def trash(self, _turn: int = 0) -> None:
        self.on_file("DELETE")


def _function_of(ending: str) -> str:
    return "SharingFunction" if ending.startswith(("/shares", "/links")) else "DriveFunction"


def on_file(method: str, ending: str, _stack: InProcessStack, **path: str) -> Operation:
    """A repeatable action on a file."""
    drive = _Drive()
    return Operation(lambda _: drive.on_file(method, ending, **path))


def rename(_stack: InProcessStack) -> Operation:
    drive = _Drive()
    return Operation(lambda turn: drive.on_file("PATCH", body={"name": f"notes {turn}.txt"}))


def move_file(_stack: InProcessStack) -> Operation:
    drive = _Drive()
    return Operation(lambda turn: drive.on_file("PATCH", body={"folder_id": (None, drive.folder_id)[turn % 2]}))


def move_folder(_stack: InProcessStack) -> Operation:
    """Move a folder that contains a file, which need not be changed."""
    drive = _Drive()
    inner = _folder(drive.owner, "inner", drive.folder_id)
    _ready(drive.owner, folder_id=inner)

    def run(turn: int) -> Reply:
        body = {"parent_id": (None, drive.folder_id)[turn % 2]}
        return call("DriveFunction", f"PATCH {FOLDER}", drive.owner, body, folder_id=inner)

    return Operation(run)


def trash(_stack: InProcessStack) -> Operation:
    drive = _Drive()

    def before(turn: int) -> None:
        if turn:
            drive.on_file("POST", "/restore")

    return Operation(lambda _: drive.on_file("DELETE"), before=before)


def restore(_stack: InProcessStack) -> Operation:
    drive = _Drive()
    return Operation(lambda _: drive.on_file("POST", "/restore"), before=drive.trash)


def restore_version(_stack: InProcessStack) -> Operation:
    drive = _Drive()
    _ready(drive.owner, replaces=drive.file_id)
    return Operation(lambda turn: drive.on_file("POST", "/versions/{version}/restore", version=str(1 + turn % 2)))


def share(_stack: InProcessStack) -> Operation:
    drive, guests = _Drive(), list[Person]()

    def run(_turn: int) -> Reply:
        return drive.on_file("POST", "/shares", {"user_id": guests[-1].user_id, "role": "viewer"})

    return Operation(run, before=lambda _: guests.extend(newcomers(1)))


def unshare(_stack: InProcessStack) -> Operation:
    drive, made = _Drive(), list[str]()

    def before(_turn: int) -> None:
        body = {"user_id": newcomers(1)[0].user_id, "role": "viewer"}
        made.append(drive.on_file("POST", "/shares", body).json()["id"])

    return Operation(lambda _: drive.on_file("DELETE", "/shares/{share_id}", share_id=made[-1]), before=before)


def shared_with_me(_stack: InProcessStack) -> Operation:
    owner, guest = newcomers(2)
    for number in range(20):
        body = {"user_id": guest.user_id, "role": "viewer"}
        call("SharingFunction", f"POST {FOLDER}/shares", owner, body, folder_id=_folder(owner, f"{number:02}"))
    return Operation(lambda _: call("SharingFunction", "GET /drive/shared-with-me", guest))


def create_link(_stack: InProcessStack) -> Operation:
    """Create a link; the previous one is deleted first, because their number per file is limited."""
    drive, made = _Drive(), list[str]()

    def run(_turn: int) -> Reply:
        reply = drive.on_file("POST", "/links", {"max_downloads": 3})
        made.append(reply.json()["id"])
        return reply

    def before(_turn: int) -> None:
        if made:
            drive.on_file("DELETE", "/links/{link_id}", link_id=made.pop())

    return Operation(run, before=before)


def follow_link(_stack: InProcessStack) -> Operation:
    token = _Drive().on_file("POST", "/links", {}).json()["token"]
    return Operation(lambda _: gateway.http("SharingFunction", "GET /drive/links/{token}", path={"token": token}))


def find(_stack: InProcessStack) -> Operation:
    owner = newcomers(1)[0]
    for number in range(20):
        _folder(owner, f"holiday {number:02}")
    query = {"q": "holi"}
    return Operation(lambda _: gateway.http("DriveFunction", "GET /drive/search", owner, query=query))


def gallery(_stack: InProcessStack) -> Operation:
    conversation_id, people = new_conversation(2)
    for _ in range(10):
        _ready(people[0], conversation_id=conversation_id)
    route = "GET /conversations/{conversation_id}/files"
    return Operation(lambda _: call("SharingFunction", route, people[1], conversation_id=conversation_id))


def of_owner(route: str, _stack: InProcessStack) -> Operation:
    """A list of the owner's own drive."""
    owner = _Drive().owner
    return Operation(lambda _: call("DriveFunction", route, owner))


OPERATIONS: dict[str, Callable[[InProcessStack], Operation]] = {
    "begin an upload": begin_upload,
    "complete an upload": complete_upload,
    "ask for three parts": ask_for_parts,
    "abort an upload": abort_upload,
    "intake of a small file": intake,
    "download, own file": partial(download, False),
    "download, shared two folders up": partial(download, True),
    "list 50 of a folder": children,
    "get a file": partial(on_file, "GET", ""),
    "rename a file": rename,
    "move a file": move_file,
    "move a folder": move_folder,
    "share a file": share,
    "take a share back": unshare,
    "list 20 shared with me": shared_with_me,
    "create a link": create_link,
    "follow a link": follow_link,
    "trash a file": trash,
    "restore a file": restore,
    "list the trash": partial(of_owner, "GET /drive/trash"),
    "search the drive": find,
    "recent files": partial(of_owner, "GET /drive/recent"),
    "use of the quota": partial(of_owner, "GET /drive/usage"),
    "gallery of 10": gallery,
    "versions of a file": partial(on_file, "GET", "/versions"),
    "restore a version": restore_version,
    "activity of a file": partial(on_file, "GET", "/activity"),
}
