"""The port for messages: attachments, which give a conversation access to files as long as the message exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from drive import store
from drive.media_types import ENCRYPTED_TYPE
from drive.model import ATTACHMENT_ROLE, Grant, Node, has_expired
from drive.sharing import share_store
from drive.trash import due_store
from kernel import clock, ids, telemetry
from kernel.errors import ValidationFailed
from kernel.transactions import Transaction

LABEL = "attachment"
SHARES_PER_STEP = 100
_LOGGED = (
    *("id", "name", "size", "content_type", "sha256", "owner_id", "version", "width", "height"),
    *("created_at", "updated_at"),
)


def require(user_id: str, file_ids: Sequence[str]) -> list[Node]:
    """The sender's files with these ids; one round trip.

    Raises ValidationFailed (`attachment_ids`) unless all of them exist, are the sender's own and ready.
    """
    wanted = [file_id for file_id in dict.fromkeys(file_ids) if ids.is_id(file_id, "fil")]
    found = store.nodes(wanted)
    for file_id in file_ids:
        node = found.get(file_id)
        if node is None or node.owner_id != user_id:
            raise ValidationFailed.of("attachment_ids", "there is no such file of yours")
        if node.state != "ready":
            raise ValidationFailed.of("attachment_ids", "only files that are ready can be attached")
    return [found[file_id] for file_id in wanted]


def require_opaque(nodes: Sequence[Node]) -> None:
    """Raises ValidationFailed unless these files have the content type of files encrypted by a client."""
    if any(node.content_type != ENCRYPTED_TYPE for node in nodes):
        raise ValidationFailed.of("attachment_ids", f"only files encrypted by the client ({ENCRYPTED_TYPE})")


def log_entries(nodes: Sequence[Node], conversation_id: str) -> list[dict[str, Any]]:
    """The data of attachments that the log stores in a message's event."""
    return [{**{name: getattr(node, name) for name in _LOGGED}, "conversation_id": conversation_id} for node in nodes]


def stage(
    transaction: Transaction, nodes: Sequence[Node], *, conversation_id: str, seq: int, expires_at: int | None
) -> None:
    """Attach files to a message, on condition that they are still ready (label `attachment`).

    A file that was uploaded into the conversation belongs to its first message; any other file is shared with the
    members. With a message that expires, the members lose access at `expires_at` (ms), and the sweep revokes it.
    """
    if nodes and expires_at is not None:
        key, objects = _task_key(conversation_id, seq), [node.id for node in nodes]
        due_store.stage_task(transaction, key, "attachments", due_at=expires_at, objects=objects)
    now = clock.now()
    for node in nodes:
        free = node.message_seq is None or has_expired(node, now)
        message_seq = seq if node.conversation_id == conversation_id and free else None
        store.stage_attached(transaction, LABEL, node, message_seq, expires_at)
        if message_seq is None:
            share = Grant(ids.new("shr"), node.id, conversation_id, ATTACHMENT_ROLE, now, node.owner_id, expires_at)
            share_store.stage(transaction, share, seq)


def stage_removal(transaction: Transaction, conversation_id: str, seq: int, data: Mapping[str, Any]) -> None:
    """Stage, with the deletion of a message, a cleanup task for its attachments."""
    file_ids = [each["id"] for each in data.get("attachments", ())]
    if file_ids:
        key = _task_key(conversation_id, seq)
        due_store.stage_task(transaction, key, "attachments", due_at=clock.now(), objects=file_ids)


def _task_key(conversation_id: str, seq: int) -> str:
    return f"message#{conversation_id}#{seq}"


def remove(conversation_id: str, seq: int, data: Mapping[str, Any]) -> None:
    """Revoke the members' access to the attachments of a deleted message; the sweep deletes the files.

    Never raises: after a failure the sweep does it within five minutes.
    """
    file_ids = [each["id"] for each in data.get("attachments", ())]
    try:
        revoke(conversation_id, seq, file_ids)
    except Exception as error:
        telemetry.logger().warning("attachments left", exc_info=error, extra={"conversation_id": conversation_id})


def revoke(conversation_id: str, seq: int, file_ids: Sequence[str]) -> list[Node]:
    """End the access that a message gave; returns the files that belonged to it alone, now in the trash."""
    trashed = []
    for node in store.nodes(file_ids).values() if file_ids else ():
        share_store.end_attachment(node.id, conversation_id, seq)
        if node.conversation_id == conversation_id and (node.message_seq or 0) == seq and not _reassign(node):
            trashed.append(_trash(node))
    return trashed


def remove_later(conversation_id: str, seq: int, file_ids: Sequence[str]) -> None:
    """Have the sweep revoke the access to files and delete them, within five minutes.

    `seq` is that of the message, or 0 for files that were uploaded into the conversation without a message.
    """
    due_store.put_task(_task_key(conversation_id, seq), "attachments", due_at=clock.now(), objects=list(file_ids))


def erase_conversation(conversation_id: str, _cursor: Any = None) -> bool | None:
    """Remove shares with a deleted conversation, then schedule the deletion of its files without a message.

    One step of 100 shares; True while there may be more.
    """
    shares = store.granted(conversation_id, after=None, limit=SHARES_PER_STEP)
    for share in shares:
        share_store.remove(share)
    if len(shares) == SHARES_PER_STEP:
        return True
    files = store.nodes([row.node_id for row in store.everything_in(conversation_id)])
    unattached = [node.id for node in files.values() if node.message_seq is None]
    if unattached:
        remove_later(conversation_id, 0, unattached)
    return None


def _reassign(node: Node) -> bool:
    """Keep a file that others still have access to although its message is gone; False if nobody has.

    It then belongs to another message of its conversation that has it attached, or else lies in its owner's drive.
    """
    found, now = store.node_access(node.id), clock.now()
    shares = [each for each in found.shares if not has_expired(each, now)] if found is not None else []
    if node.state != "ready" or not shares:
        return False
    again = next((each for each in shares if each.grantee == node.conversation_id and each.message_seq), None)
    if again is not None:
        after = replace(node, message_seq=again.message_seq, ends_at=again.ends_at)
    else:
        after = replace(node, conversation_id=None, message_seq=None, ends_at=None)
    after = replace(after, updated_at=max(now, node.updated_at + 1))
    store.commit(lambda it: store.stage_node(it, node, after))
    if again is not None:
        share_store.remove(again)
    return True


def _trash(node: Node) -> Node:
    if node.state == "trashed":
        return node
    now = max(clock.now(), node.updated_at + 1)
    after = replace(node, state="trashed", trashed_at=now, trashed_with=None, updated_at=now)
    store.commit(lambda it: store.stage_node(it, node, after, due_at=now))
    return after


def parse_task_key(task_key: str) -> tuple[str, int]:
    """The conversation's id and the message's seq of a cleanup task's key."""
    _, conversation_id, seq = task_key.split("#")
    return conversation_id, int(seq)
