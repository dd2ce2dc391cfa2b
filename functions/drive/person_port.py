"""The port for privacy: everything in one person's drive, to export or erase it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drive import model, store
from drive.model import Node
from drive.trash import service as trash
from kernel import blobs
from kernel.blobs import BlobMissing

_PAGE = 100


def _nodes(owner_id: str) -> Iterator[Node]:
    """All nodes of this owner, the last changed first."""
    before: int | None = None
    seen: set[str] = set()
    while True:
        found = [pair for pair in store.owned(owner_id, before=before, limit=_PAGE) if pair[1] not in seen]
        if not found:
            return
        seen |= {node_id for _, node_id in found}
        before = found[-1][0]
        yield from store.nodes([node_id for _, node_id in found]).values()


def purge_everything_of(owner_id: str) -> None:
    """Purge all nodes with their versions, thumbnails, transcripts and uploads. Idempotent."""
    for node in list(_nodes(owner_id)):
        trash.purge(node)
        if not node.is_folder:
            blobs.remove_below(f"files/{node.id}/")
            blobs.remove_below(f"thumbnails/{node.id}/")
            blobs.remove_below(f"transcripts/{node.id}/")


def file_views(owner_id: str) -> list[dict[str, Any]]:
    """The views of all files, without URLs of their thumbnails, which would end before anybody reads an export."""
    return [model.file_view(node) for node in _nodes(owner_id) if not node.is_folder]


def contents_of(owner_id: str) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The unique path (`id/name`) and the bytes of every ready file."""
    for node in _nodes(owner_id):
        if node.is_folder or node.state != "ready" or node.object_key is None:
            continue
        blob = blobs.find(node.object_key, node.object_version or "")
        if blob is not None:
            yield f"{node.id}/{node.name}", _chunks(blob)


def _chunks(blob: blobs.Blob) -> Iterator[bytes]:
    try:
        yield from blobs.chunks(blob)
    except BlobMissing:
        return  # deleted since `find`
