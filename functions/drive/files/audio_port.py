"""The port of transcription: recordings, for those who may hear them, and what was written down of them.

A transcript is kept beside the bytes of its version (as a thumbnail is), and goes with them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from drive.files import access
from drive.item_store import NodeAccess
from drive.model import Node, transcript_key
from kernel import blobs
from kernel.blobs import BlobMissing


@dataclass(frozen=True, slots=True)
class Recording:
    """A file whose sound may be written down. `conversation_id` is the conversation through which the person has it;
    None for their own and for what was shared with them by name."""

    id: str
    conversation_id: str | None
    object_key: str
    content_type: str
    size: int


def recording(user_id: str, file_id: str) -> Recording:
    """A file that this person may download now; raises NotFound, and NotReady while it is not."""
    found = access.require_node(file_id, user_id, kind="file")
    node = found.node
    node.require_ready()
    return Recording(node.id, _heard_in(found, user_id), node.object_key or "", node.content_type, node.size)


def _heard_in(found: NodeAccess, user_id: str) -> str | None:
    node: Node = found.node
    if node.conversation_id is not None or node.owner_id == user_id:
        return node.conversation_id
    if any(share.grantee == user_id for share in found.shares):
        return None
    rooms = [share.grantee for share in found.shares if share.grantee.startswith("cnv_")]
    return access.first_of_theirs(rooms, user_id)


def raw_transcript_key(object_key: str) -> str:
    """Where a service of transcription writes its own document about these bytes; S3 removes it after a day."""
    return f"{object_key.replace('files/', 'transcriptions/', 1)}.json"


def transcript(recording: Recording) -> dict[str, Any] | None:
    """What was written down of a recording; None if nothing was."""
    blob = blobs.find(transcript_key(recording.object_key))
    try:
        return None if blob is None else dict(json.loads(b"".join(blobs.chunks(blob))))
    except BlobMissing:  # removed in this moment
        return None


def keep_transcript(recording: Recording, written: dict[str, Any]) -> None:
    """Keep what was written down of a recording, as long as its bytes are kept."""
    content = json.dumps(written, ensure_ascii=False).encode()
    blobs.put(transcript_key(recording.object_key), content, content_type="application/json")


def drop_transcripts(object_key: str) -> None:
    """Remove all that was written down of these bytes, for good."""
    blobs.remove_below(transcript_key(object_key))
