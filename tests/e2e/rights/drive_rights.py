"""The drive's rows of the authorisation matrix: a folder of the owner, which the admin may edit and the group view."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.e2e import drive
from tests.e2e.people import Person

TABLE = """
POST   /drive/uploads                                                           201 201 403 404 404 404 401 404
POST   /drive/uploads/{file_id}/parts                                           200 404 403 404 404 404 401 404
POST   /drive/uploads/{file_id}/complete                                        409 404 403 404 404 404 401 404
DELETE /drive/uploads/{file_id}                                                 204 404 403 404 404 404 401 404
GET    /drive/files/{file_id}                                                   200 200 200 404 404 404 401 404
PATCH  /drive/files/{file_id}                                                   200 200 403 404 404 404 401 404
DELETE /drive/files/{file_id}                                                   204 403 403 404 404 404 401 404
POST   /drive/files/{file_id}/restore                                           200 403 403 404 404 404 401 404
GET    /drive/files/{file_id}/download                                          200 200 200 404 404 404 401 404
GET    /drive/files/{file_id}/versions                                          200 200 200 404 404 404 401 404
POST   /drive/files/{file_id}/versions/{version}/restore                        200 200 403 404 404 404 401 404
GET    /drive/files/{file_id}/activity                                          200 200 200 404 404 404 401 404
PUT    /drive/files/{file_id}/favourite                                         204 204 204 404 404 404 401 404
DELETE /drive/files/{file_id}/favourite                                         204 204 204 204 204 204 401 204
POST   /drive/folders                                                           201 201 403 404 404 404 401 404
PATCH  /drive/folders/{folder_id}                                               200 200 403 404 404 404 401 404
DELETE /drive/folders/{folder_id}                                               204 403 403 404 404 404 401 404
POST   /drive/folders/{folder_id}/restore                                       200 403 403 404 404 404 401 404
GET    /drive/folders/{folder_id}/children                                      200 200 200 404 404 404 401 404
GET    /drive/trash                                                             200 200 200 200 200 200 401 200
GET    /drive/usage                                                             200 200 200 200 200 200 401 200
GET    /drive/search                                                            200 200 200 200 200 200 401 200
GET    /drive/recent                                                            200 200 200 200 200 200 401 200
GET    /drive/favourites                                                        200 200 200 200 200 200 401 200
GET    /drive/shared-with-me                                                    200 200 200 200 200 200 401 200
POST   /drive/files/{file_id}/shares                                            201 403 403 404 404 404 401 404
GET    /drive/files/{file_id}/shares                                            200 403 403 404 404 404 401 404
DELETE /drive/files/{file_id}/shares/{share_id}                                 204 403 403 404 404 404 401 404
POST   /drive/folders/{folder_id}/shares                                        201 403 403 404 404 404 401 404
GET    /drive/folders/{folder_id}/shares                                        200 403 403 404 404 404 401 404
DELETE /drive/folders/{folder_id}/shares/{share_id}                             204 403 403 404 404 404 401 404
GET    /conversations/{conversation_id}/files                                   200 200 200 404 404 200 401 404
POST   /drive/files/{file_id}/links                                             201 403 403 404 404 404 401 404
GET    /drive/files/{file_id}/links                                             200 403 403 404 404 404 401 404
DELETE /drive/files/{file_id}/links/{link_id}                                   204 403 403 404 404 404 401 404
GET    /drive/links/{token}                                                     200 200 200 200 200 200 200 200
"""
Values = dict[str, Any]


@dataclass
class Desk:
    """The objects of these rows, made on first use."""

    owner: Person
    editor: Person
    bystander: Person
    group: str
    _made: dict[str, str] = field(default_factory=dict)

    @cached_property
    def folder(self) -> str:
        folder: str = self.owner.ok("POST", "/drive/folders", {"name": secrets.token_hex(6)})["id"]
        shares = f"/drive/folders/{folder}/shares"
        self.owner.ok("POST", shares, {"user_id": self.editor.id, "role": "editor"})
        self.owner.ok("POST", shares, {"conversation_id": self.group, "role": "viewer"})
        return folder

    @cached_property
    def file(self) -> str:
        return str(drive.upload(self.owner, b"hello", folder_id=self.folder)["id"])

    @cached_property
    def token(self) -> str:
        return str(self.owner.ok("POST", f"/drive/files/{self.file}/links", {})["token"])

    def pending(self, *, parts: bool = False) -> str:
        content = drive.fields(b"", folder_id=self.folder)
        if parts:
            content |= {"size": 17 * drive.MIB, "content_type": drive.BYTES}
        return str(self.owner.ok("POST", "/drive/uploads", content)["file"]["id"])

    def fresh_file(self) -> str:
        return str(drive.upload(self.owner, b"", folder_id=self.folder)["id"])

    def fresh_folder(self) -> str:
        body = {"name": secrets.token_hex(6), "parent_id": self.folder}
        return str(self.owner.ok("POST", "/drive/folders", body)["id"])

    def share_of(self, place: str) -> str:
        body = {"user_id": self.bystander.id, "role": "viewer"}
        return str(self.owner.ok("POST", f"{place}/shares", body)["id"])

    def link(self) -> str:
        return str(self.owner.ok("POST", f"/drive/files/{self.file}/links", {})["id"])

    def values(self, route: str) -> Values:
        """The path parameters of a route."""
        if not route.split()[1].startswith("/drive/"):
            return {}
        if route in _LOSABLE:
            return _LOSABLE[route](self)
        needs: dict[str, Callable[[], str]] = {
            "file_id": lambda: self.file,
            "folder_id": lambda: self.folder,
            "token": lambda: self.token,
        }
        return {"version": "1"} | {name: make() for name, make in needs.items() if f"{{{name}}}" in route}

    def body(self, route: str) -> Values | None:
        """The body of a route; None for no body."""
        return _BODIES[route](self) if route in _BODIES else None


_LOSABLE: dict[str, Callable[[Desk], Values]] = {
    "POST /drive/uploads/{file_id}/parts": lambda desk: {"file_id": desk.pending(parts=True)},
    "POST /drive/uploads/{file_id}/complete": lambda desk: {"file_id": desk.pending()},
    "DELETE /drive/uploads/{file_id}": lambda desk: {"file_id": desk.pending()},
    "DELETE /drive/files/{file_id}": lambda desk: {"file_id": desk.fresh_file()},
    "DELETE /drive/folders/{folder_id}": lambda desk: {"folder_id": desk.fresh_folder()},
    "DELETE /drive/files/{file_id}/shares/{share_id}": lambda desk: {
        "file_id": desk.file,
        "share_id": desk.share_of(f"/drive/files/{desk.file}"),
    },
    "DELETE /drive/folders/{folder_id}/shares/{share_id}": lambda desk: {
        "folder_id": desk.folder,
        "share_id": desk.share_of(f"/drive/folders/{desk.folder}"),
    },
    "DELETE /drive/files/{file_id}/links/{link_id}": lambda desk: {"file_id": desk.file, "link_id": desk.link()},
}
_BODIES: dict[str, Callable[[Desk], Values]] = {
    "POST /drive/uploads": lambda desk: drive.fields(b"hello", folder_id=desk.folder),
    "POST /drive/uploads/{file_id}/parts": lambda desk: {"part_numbers": [1]},
    "PATCH /drive/files/{file_id}": lambda desk: {"name": f"{secrets.token_hex(6)}.txt"},
    "POST /drive/folders": lambda desk: {"name": secrets.token_hex(6), "parent_id": desk.folder},
    "PATCH /drive/folders/{folder_id}": lambda desk: {"name": secrets.token_hex(6)},
    "POST /drive/files/{file_id}/shares": lambda desk: {"user_id": desk.bystander.id, "role": "viewer"},
    "POST /drive/folders/{folder_id}/shares": lambda desk: {"user_id": desk.bystander.id, "role": "viewer"},
}
