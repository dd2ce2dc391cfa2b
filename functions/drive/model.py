"""The drive's types and rules: files, folders, uploads, versions, roles. Standard library and kernel only."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from drive import media_types
from kernel import clock
from kernel.errors import Conflict, Forbidden, NotFound, Problem, ValidationFailed
from kernel.text import fold as folded
from kernel.text import is_one_line, parts_of_word

Kind = Literal["file", "folder"]
State = Literal["uploading", "processing", "ready", "rejected", "trashed"]
Role = Literal["viewer", "editor", "owner"]
ATTACHMENT_ROLE: Role = "viewer"  # of the members on what a message has attached
RANK: Mapping[str, int] = {"viewer": 0, "editor": 1, "owner": 2}

MIB = 1024 * 1024
GIB = 1024 * MIB
FORM_MAX_BYTES = 16 * MIB
PART_BYTES, LARGE_PART_BYTES = 5 * MIB, 8 * MIB  # small, so that an interrupted client sends little again
LARGE_FROM_BYTES = GIB
FORM_TTL_S = PART_TTL_S = 15 * 60
DOWNLOAD_TTL_S = 5 * 60
ABANDONED_AFTER_MS = clock.DAY
INTAKE_PATIENCE_MS = clock.HOUR
TRASH_KEPT_MS = 30 * clock.DAY
REJECTED_KEPT_MS = 7 * clock.DAY
MAX_DEPTH = 30
# Path separators and directional marks (`is_one_line` allows the latter).
_NOT_IN_NAMES = frozenset("/\\\u200e\u200f\u061c")
MAX_SHARES = 100
MAX_NAME_CHARS = 255
TERM_MAX_CHARS = 64
TERMS_MAX = 12


class QuotaExceeded(Problem):
    status, code, detail = 413, "quota_exceeded", "There is not enough room left in this drive."


class NameTaken(Conflict):
    code, detail = "name_taken", "There is a folder of this name already."


class Cycle(Conflict):
    code, detail = "cycle", "A folder cannot be moved into itself or into a folder inside it."


class NotReady(Conflict):
    code, detail = "not_ready", "Only files that are ready can be used like this."


class UploadIncomplete(Conflict):
    code, detail = "upload_incomplete", "The bytes of this upload have not all arrived."


def require_name(name: str) -> str:
    """A name of 1–255 characters in NFC without path, control or direction characters; raises ValidationFailed."""
    name = unicodedata.normalize("NFC", name)
    if not 1 <= len(name) <= MAX_NAME_CHARS or name.strip(" .") == "":
        raise ValidationFailed.of("name", f"1 to {MAX_NAME_CHARS} characters, not only dots and spaces")
    if not is_one_line(name) or any(char in _NOT_IN_NAMES for char in name):
        raise ValidationFailed.of("name", "no path separators or control characters")
    return name


def fold(text: str) -> str:
    """The folded text, with single spaces, that sorting and searching compare."""
    return " ".join(folded(text).split())


def words(text: str) -> list[str]:
    """The folded words of a text, at most 64 characters each."""
    parted = "".join(char if char.isalnum() or char in "'-" else " " for char in fold(text))
    parts = (part for word in parted.split() for part in parts_of_word(word))
    return [part[:TERM_MAX_CHARS] for part in dict.fromkeys(parts) if part.strip("'-")]


def terms(name: str) -> frozenset[str]:
    """The words of a name that are indexed."""
    return frozenset(words(name)[:TERMS_MAX])


def matches(name: str, wanted: list[str]) -> bool:
    """Whether each wanted word is a prefix of a word in the name."""
    own = words(name)
    return all(any(word.startswith(each) for word in own) for each in wanted)


def part_size(size: int) -> int:
    return LARGE_PART_BYTES if size > LARGE_FROM_BYTES else PART_BYTES


def part_sizes(size: int) -> list[int]:
    """The size of each part of a multipart upload, in order."""
    each = part_size(size)
    whole, rest = divmod(size, each)
    return [each] * whole + ([rest] if rest else [])


def transcript_key(object_key: str) -> str:
    """The object key of a recording's transcript."""
    return f"{object_key.replace('files/', 'transcripts/', 1)}.json"


@dataclass(frozen=True, slots=True)
class Node:
    """A file or folder; the fields about content are those of the file's current version."""

    id: str
    kind: Kind
    owner_id: str
    name: str
    folder_id: str | None
    created_at: int
    updated_at: int
    state: State = "ready"
    size: int = 0
    content_type: str = ""
    sha256: str = ""
    version: int = 1
    reject_reason: str | None = None
    conversation_id: str | None = None
    object_key: str | None = None
    object_version: str | None = None
    thumbnail_key: str | None = None
    width: int | None = None
    height: int | None = None
    message_seq: int | None = None
    ends_at: int | None = None  # when the message expires that the file is attached to
    trashed_at: int | None = None
    trashed_with: str | None = None

    @property
    def is_folder(self) -> bool:
        return self.kind == "folder"

    @property
    def category(self) -> str:
        return media_types.category(self.content_type)

    def require_ready(self) -> None:
        if self.state != "ready":
            raise NotReady


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """An upload in progress: the first or a further version of a file."""

    upload_id: str
    file_id: str
    owner_id: str
    user_id: str
    client_id: str
    version: int
    name: str
    size: int
    content_type: str
    sha256: str
    state: State
    created_at: int
    multipart_id: str | None = None

    @property
    def object_key(self) -> str:
        return f"files/{self.file_id}/{self.upload_id}"

    @property
    def thumbnail_key(self) -> str:
        return f"thumbnails/{self.file_id}/{self.upload_id}"

    @property
    def in_parts(self) -> bool:
        return self.size > FORM_MAX_BYTES


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a file; it counts towards the quota until it is deleted."""

    file_id: str
    number: int
    name: str
    size: int
    content_type: str
    sha256: str
    object_key: str
    object_version: str
    thumbnail_key: str | None
    width: int | None
    height: int | None
    user_id: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Grant:
    """The role of a person or a conversation on a node and all its descendants."""

    share_id: str
    node_id: str
    grantee: str
    role: Role
    created_at: int
    user_id: str
    ends_at: int | None = None  # when the message expires that has the file attached
    message_seq: int | None = None  # of that message; None for an explicit share


@dataclass(frozen=True, slots=True)
class PublicLink:
    """A public link to a file; only the hash of its token is stored. Times in ms."""

    link_id: str
    file_id: str
    token_hash: str
    created_at: int
    user_id: str
    ends_at: int | None = None
    password_hash: str | None = None
    max_downloads: int | None = None
    downloads: int = 0


@dataclass(frozen=True, slots=True)
class StorageUsage:
    """The usage of a quota in bytes; `reserved` is for uploads in progress."""

    taken: int
    used: int
    by_type: Mapping[str, int]

    @property
    def reserved(self) -> int:
        return self.taken - self.used


def with_version(node: Node, each: Version) -> Node:
    """The file with this version as its current one."""
    return replace(
        node,
        name=each.name,
        size=each.size,
        content_type=each.content_type,
        sha256=each.sha256,
        version=each.number,
        object_key=each.object_key,
        object_version=each.object_version,
        thumbnail_key=each.thumbnail_key,
        width=each.width,
        height=each.height,
    )


def has_expired(given: Node | Grant, now: int) -> bool:
    """Whether the message has expired that gave a conversation access to a file."""
    return given.ends_at is not None and given.ends_at <= now


def stronger(one: Role | None, other: Role | None) -> Role | None:
    if one is None or other is None:
        return other if one is None else one
    return one if RANK[one] >= RANK[other] else other


def require_role(role: Role | None, need: Role) -> None:
    """Raises NotFound without any role, Forbidden with a lesser one."""
    if role is None:
        raise NotFound
    if RANK[role] < RANK[need]:
        raise Forbidden("This was shared with you for less than that.")


def file_view(node: Node, thumbnail_url: str | None = None, pending: PendingUpload | None = None) -> dict[str, Any]:
    """A file as people with access see it; with `pending`, the fields of that upload replace those of the version."""
    view: dict[str, Any] = {
        "id": node.id,
        "name": node.name,
        "size": node.size,
        "content_type": node.content_type,
        "sha256": node.sha256,
        "folder_id": node.folder_id,
        "owner_id": node.owner_id,
        "version": node.version,
        "state": node.state,
        "reject_reason": node.reject_reason,
        "thumbnail_url": thumbnail_url,
        "width": node.width,
        "height": node.height,
        "conversation_id": node.conversation_id,
        "created_at": node.created_at,
        "updated_at": node.updated_at,
    }
    if pending is not None:
        view |= {"size": pending.size, "content_type": pending.content_type, "sha256": pending.sha256}
        view |= {"name": pending.name, "version": pending.version, "state": pending.state}
        view |= {"thumbnail_url": None, "width": None, "height": None}
    return view


def folder_view(node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "name": node.name,
        "parent_id": node.folder_id,
        "owner_id": node.owner_id,
        "created_at": node.created_at,
    }
