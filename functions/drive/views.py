"""Views of nodes for responses and events, with URLs of their thumbnails."""

from __future__ import annotations

from typing import Any

from drive import model
from drive.model import Node, PendingUpload
from kernel import blobs


def thumbnail_url(key: str | None) -> str | None:
    """A signed URL of a thumbnail for 5 minutes."""
    return None if key is None else blobs.address("GET", key, expires_s=model.DOWNLOAD_TTL_S)


def file(node: Node, *, pending: PendingUpload | None = None) -> dict[str, Any]:
    """The view of a file, with the fields of the `pending` upload if one is given."""
    return model.file_view(node, thumbnail_url(node.thumbnail_key), pending)


def current(node: Node, pending: PendingUpload | None) -> dict[str, Any]:
    """The view of a file for readers: a further version shows once its bytes are being inspected."""
    visible = pending is not None and (pending.version == 1 or pending.state == "processing")
    return file(node, pending=pending if visible and node.state != "trashed" else None)


def entry(node: Node) -> dict[str, Any]:
    """The view of a file or folder in a mixed list, with its `kind`."""
    return {"kind": node.kind, **(model.folder_view(node) if node.is_folder else file(node))}
