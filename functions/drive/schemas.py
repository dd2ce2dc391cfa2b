"""A file as others show it too: in messages and among what is found."""

from typing import Literal

from kernel.schema import Instant, Output

State = Literal["uploading", "processing", "ready", "rejected", "trashed"]


class File(Output):
    """`width` and `height` are the pixels of an upright image; null for other files and too large images."""

    id: str
    name: str
    size: int
    content_type: str
    sha256: str
    folder_id: str | None
    owner_id: str
    version: int
    state: State
    reject_reason: str | None
    thumbnail_url: str | None
    width: int | None
    height: int | None
    conversation_id: str | None
    created_at: Instant
    updated_at: Instant
