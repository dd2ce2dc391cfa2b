"""The port for transcription: recordings that a person may access, and their transcripts.

A transcript is stored beside the object of its version, as a thumbnail is, and deleted with it.
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
    """A file to transcribe. `conversation_id` is the conversation that gives the person access to it; None for their
    own files and those shared with them directly."""

    id: str
    conversation_id: str | None
    object_key: str
    content_type: str
    size: int


def recording(user_id: str, file_id: str) -> Recording:
    """A file that this person may download; raises NotFound, NotReady."""
    found = access.require_node(file_id, user_id, kind="file")
    node = found.node
    node.require_ready()
    return Recording(node.id, _conversation_of(found, user_id), node.object_key or "", node.content_type, node.size)


def _conversation_of(found: NodeAccess, user_id: str) -> str | None:
    node: Node = found.node
    if node.conversation_id is not None or node.owner_id == user_id:
        return node.conversation_id
    if any(share.grantee == user_id for share in found.shares):
        return None
    rooms = [share.grantee for share in found.shares if share.grantee.startswith("cnv_")]
    return access.first_conversation_of(rooms, user_id)


def raw_transcript_key(object_key: str) -> str:
    """The object key to which a transcription service writes its result; S3 expires the object after a day."""
    return f"{object_key.replace('files/', 'transcriptions/', 1)}.json"


def transcript(recording: Recording) -> dict[str, Any] | None:
    """The transcript of a recording; None if there is none."""
    blob = blobs.find(transcript_key(recording.object_key))
    try:
        return None if blob is None else dict(json.loads(b"".join(blobs.chunks(blob))))
    except BlobMissing:  # deleted since `find`
        return None


def save_transcript(recording: Recording, transcript_data: dict[str, Any]) -> None:
    """Save a transcript; it is kept as long as the recording's object."""
    content = json.dumps(transcript_data, ensure_ascii=False).encode()
    blobs.put(transcript_key(recording.object_key), content, content_type="application/json")


def delete_transcripts(object_key: str) -> None:
    """Delete all versions of an object's transcript."""
    blobs.remove_below(transcript_key(object_key))
