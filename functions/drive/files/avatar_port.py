"""The port for users: images of their own drive as avatars."""

from __future__ import annotations

from drive import store
from kernel import ids


def thumbnail_of_own_file(user_id: str, file_id: str) -> str | None:
    """The object key of the thumbnail of a person's own ready file, else None. One round trip."""
    node = store.nodes([file_id]).get(file_id) if ids.is_id(file_id, "fil") else None
    if node is None or node.owner_id != user_id or node.state != "ready":
        return None
    return node.thumbnail_key
