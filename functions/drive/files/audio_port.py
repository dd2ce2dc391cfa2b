"""The port of transcription: recordings, for those who may hear them."""

from __future__ import annotations

from drive.files import access
from drive.model import Node


def recording(user_id: str, file_id: str) -> Node:
    """A file that this person may download now; raises NotFound, and NotReady while it is not."""
    node = access.require_node(file_id, user_id, kind="file").node
    node.require_ready()
    return node
