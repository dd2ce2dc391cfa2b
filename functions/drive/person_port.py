"""The port for privacy: everything in one person's drive, to export or erase it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drive import model, store
from drive.files import term_store
from drive.model import Node
from drive.sharing import link_store, links
from drive.trash import service as trash
from kernel import blobs, clock
from kernel.blobs import BlobMissing
from kernel.schema import as_json

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


def of_nodes(owner_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The person's files and folders, with whom they are shared, and the files' public links, all read once.

    Files are without URLs of their thumbnails, which would end before anybody reads an export; links are without tokens
    and passwords.
    """
    from drive.route_schemas import LinkState  # 42 schemas, which who attaches a file does not need

    for node in _nodes(owner_id):
        yield ("folders", model.folder_view(node)) if node.is_folder else ("files", model.file_view(node))
        found = store.node_access(node.id)
        for each in found.shares if found is not None else ():
            created_at = clock.rfc3339(each.created_at)
            shared = {"node_id": node.id, "grantee": each.grantee, "role": each.role, "created_at": created_at}
            yield "shares", shared
        for link in [] if node.is_folder else link_store.of_file(node.id):
            yield "links", {"file_id": node.id, **as_json(LinkState, links.view(link))}


def favourites(user_id: str) -> Iterator[dict[str, Any]]:
    """The files that the person has marked as favourites."""
    after: str | None = None
    while page := term_store.favourites(user_id, after=after, limit=_PAGE):
        yield from ({"file_id": node_id} for node_id in page)
        after = page[-1]


def contents_of(owner_id: str) -> Iterator[tuple[str, int, Iterator[bytes]]]:
    """The unique path (`id/name`), the size in bytes and the bytes of every file that is ready or in the trash."""
    for node in _nodes(owner_id):
        if node.is_folder or node.state not in ("ready", "trashed") or node.object_key is None:
            continue
        blob = blobs.find(node.object_key, node.object_version or "")
        if blob is not None:
            yield f"{node.id}/{node.name}", blob.size, _chunks(blob)


def _chunks(blob: blobs.Blob) -> Iterator[bytes]:
    try:
        yield from blobs.chunks(blob)
    except BlobMissing:
        return  # deleted since `find`
