"""The drive: what comes in and what goes out, but for the file itself, which messages load as well."""

from typing import Annotated, Any, Literal

from pydantic import Field

from drive.schemas import File
from kernel import schema
from kernel.schema import (
    Beyond,
    ClientId,
    Id,
    Input,
    Instant,
    InstantSince1970,
    Opaque,
    Output,
    Paging,
    SearchText,
    Secret,
    absent,
)
from users.schemas import PublicProfile

Name = Annotated[schema.Name, Field(min_length=1, max_length=255)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]


class UploadFields(Input):
    client_id: ClientId
    name: Name
    size: Beyond
    content_type: Annotated[Opaque, Field(min_length=1, max_length=200)]
    sha256: Sha256
    folder_id: Id | None = None
    conversation_id: Id | None = None
    replaces: Id | None = None


class UploadInstructions(Output):
    """`post`: send the fields and the bytes as multipart/form-data; `multipart`: request the URLs of parts."""

    kind: Literal["post", "multipart"]
    url: str | None = None
    fields: dict[str, str] | None = None
    part_size: int | None = None
    part_count: int | None = None
    expires_at: Instant


class Upload(Output):
    """`upload` is null if `client_id` is repeated after the bytes have been sent."""

    file: File
    upload: UploadInstructions | None


class UploadReference(Input):
    """`client_id` names the upload: the file may have another one by now, of another device or editor."""

    client_id: ClientId | None = None


class PartNumbers(UploadReference):
    part_numbers: Annotated[list[Annotated[int, Field(ge=1, le=10_000)]], Field(max_length=1_000)]


class PartAddress(Output):
    number: int
    url: str
    expires_at: Instant


class ArrivedPart(Output):
    number: int
    size: int
    etag: str


class Parts(Output):
    parts: list[PartAddress]
    uploaded: list[ArrivedPart]


class SentPart(Input):
    number: Annotated[int, Field(ge=1, le=10_000)]
    etag: Annotated[Opaque, Field(min_length=1, max_length=100)]


class UploadCompletion(UploadReference):
    parts: Annotated[list[SentPart], Field(max_length=10_000)] = []


class FileChanges(Input):
    """`folder_id` null moves to the root."""

    name: Name = Field(default_factory=absent)
    folder_id: Id | None = Field(default_factory=absent)


class Download(Output):
    url: str
    expires_at: Instant


class FileVersion(Output):
    version: int
    name: str
    size: int
    content_type: str
    sha256: str
    created_by: str
    current: bool
    created_at: Instant


class FileVersionList(Output):
    items: list[FileVersion]
    next_cursor: str | None


class ActivityEntry(Output):
    user_id: str
    action: str
    at: Instant
    details: dict[str, Any]


class ActivityList(Output):
    items: list[ActivityEntry]
    next_cursor: str | None


class NewFolder(Input):
    name: Name
    parent_id: Id | None = None


class FolderChanges(Input):
    """`parent_id` null moves to the root."""

    name: Name = Field(default_factory=absent)
    parent_id: Id | None = Field(default_factory=absent)


class Folder(Output):
    id: str
    name: str
    parent_id: str | None
    owner_id: str
    created_at: Instant


class FileEntry(File):
    kind: Literal["file"]


class FolderEntry(Folder):
    kind: Literal["folder"]


class EntryList(Output):
    items: list[FileEntry | FolderEntry]
    next_cursor: str | None


class FileList(Output):
    items: list[File]
    next_cursor: str | None


class TrashedFile(FileEntry):
    trashed_at: Instant
    purged_at: Instant


class TrashedFolder(FolderEntry):
    trashed_at: Instant
    purged_at: Instant


class TrashList(Output):
    items: list[TrashedFile | TrashedFolder]
    next_cursor: str | None


class Children(Paging):
    """`sort`: name, size, created_at or updated_at; with a leading - descending."""

    sort: Annotated[Opaque, Field(max_length=20)] = "name"


class FileSearch(Paging):
    """`type`: folder, image, video, audio, document, archive or other."""

    q: Annotated[SearchText, Field(min_length=1, max_length=200)]
    type: Literal["folder", "image", "video", "audio", "document", "archive", "other"] | None = None


class Removal(Paging):
    permanent: Literal["true", "false"] = "false"


class NewShare(Input):
    user_id: Id | None = None
    conversation_id: Id | None = None
    role: Literal["viewer", "editor"]


class Share(Output):
    id: str
    role: Literal["viewer", "editor"]
    user: PublicProfile | None
    user_id: str | None
    conversation_id: str | None
    created_at: Instant


class ShareList(Output):
    items: list[Share]
    next_cursor: str | None


class SharedFile(FileEntry):
    role: Literal["viewer", "editor"]
    shared_by: PublicProfile | None


class SharedFolder(FolderEntry):
    role: Literal["viewer", "editor"]
    shared_by: PublicProfile | None


class SharedList(Output):
    items: list[SharedFile | SharedFolder]
    next_cursor: str | None


class NewLink(Input):
    expires_at: InstantSince1970 | None = None
    password: Annotated[Secret, Field(min_length=1, max_length=128)] | None = None
    max_downloads: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class LinkState(Output):
    id: str
    expires_at: Instant | None
    max_downloads: int | None
    downloads: int
    has_password: bool
    created_at: Instant


class Link(LinkState):
    """A new link with its token, which is returned only once."""

    token: str
    url: str


class LinkList(Output):
    items: list[LinkState]
    next_cursor: str | None


class LinkedFile(Output):
    file: File
    url: str
    expires_at: Instant


class ByType(Output):
    image: int
    video: int
    audio: int
    document: int
    archive: int
    other: int


class Usage(Output):
    used: int
    reserved: int
    quota: int
    by_type: ByType


class FileEvent(Output):
    """`file.ready` and `file.rejected` on the socket."""

    type: Literal["file.ready", "file.rejected"]
    conversation_id: str | None
    at: Instant
    data: File
