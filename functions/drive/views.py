"""How nodes look from outside, with addresses of their thumbnails."""

from __future__ import annotations

from typing import Any

from drive import model
from drive.model import Node, PendingUpload
from kernel import blobs


def thumbnail_url(key: str | None) -> str | None:
    """Where a thumbnail is for 5 minutes."""
    return None if key is None else blobs.address("GET", key, expires_s=model.DOWNLOAD_TTL_S)


def file(node: Node, *, pending: PendingUpload | None = None) -> dict[str, Any]:
    """A file; while a further version is being looked at (or begun, when `pending` is given), that version."""
    return model.file_view(node, thumbnail_url(node.thumbnail_key), pending)


def current(node: Node, pending: PendingUpload | None) -> dict[str, Any]:
    """A file as one who reads it sees it: an upload that is only begun leaves the version before in place."""
    looked_at = pending is not None and (pending.version == 1 or pending.state == "processing")
    return file(node, pending=pending if looked_at and node.state != "trashed" else None)


def folder(node: Node) -> dict[str, Any]:
    return model.folder_view(node)


def entry(node: Node) -> dict[str, Any]:
    """A file or folder in a mixed list, told apart by `kind`."""
    return {"kind": node.kind, **(folder(node) if node.is_folder else file(node))}
