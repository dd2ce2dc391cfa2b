"""The port of messages: files that go with a message, and go when it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from drive import store
from drive.media_types import ENCRYPTED_TYPE
from drive.model import Grant, Node, is_over
from drive.sharing import share_store
from drive.trash import due_store
from kernel import clock, ids, telemetry
from kernel.dynamo import Transaction
from kernel.errors import ValidationFailed

LABEL = "attachment"
SHARES_PER_STEP = 100


def require(user_id: str, file_ids: Sequence[str]) -> list[Node]:
    """The sender's own files of these ids, all ready; one round trip. Raises ValidationFailed `attachment_ids`."""
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
    """Raises ValidationFailed unless these files may be what clients have encrypted: bytes of no known type."""
    if any(node.content_type != ENCRYPTED_TYPE for node in nodes):
        raise ValidationFailed.of("attachment_ids", f"only files encrypted by the client ({ENCRYPTED_TYPE})")


def stored(nodes: Sequence[Node], conversation_id: str) -> list[dict[str, Any]]:
    """What the log keeps of attached files."""
    return [
        {
            "id": node.id,
            "name": node.name,
            "size": node.size,
            "content_type": node.content_type,
            "sha256": node.sha256,
            "owner_id": node.owner_id,
            "version": node.version,
            "width": node.width,
            "height": node.height,
            "conversation_id": conversation_id,
            "created_at": node.created_at,
            "updated_at": node.updated_at,
        }
        for node in nodes
    ]


def stage(
    transaction: Transaction, nodes: Sequence[Node], *, conversation_id: str, seq: int, expires_at: int | None
) -> None:
    """Bind files to the message they go with, unless they have changed meanwhile (label `attachment`).

    A file of the conversation notes its message; another one of the sender's, or one that has its message already, is
    shared with the members. With a message that disappears the members lose them at its millisecond, and the sweep
    takes them back soon after.
    """
    if nodes and expires_at is not None:
        key, objects = _task_key(conversation_id, seq), [node.id for node in nodes]
        due_store.stage_task(transaction, key, "attachments", due_at=expires_at, objects=objects)
    now = clock.now()
    for node in nodes:
        free = node.message_seq is None or is_over(node, now)
        goes_with = seq if node.conversation_id == conversation_id and free else None
        store.stage_attached(transaction, LABEL, node, goes_with, expires_at)
        if goes_with is None:
            share = Grant(ids.new("shr"), node.id, conversation_id, "viewer", clock.now(), node.owner_id, expires_at)
            share_store.stage(transaction, share, seq)


def stage_removal(transaction: Transaction, conversation_id: str, seq: int, data: Mapping[str, Any]) -> None:
    """Note, with the deletion of a message, that its files have to go."""
    file_ids = [each["id"] for each in data.get("attachments", ())]
    if file_ids:
        key = _task_key(conversation_id, seq)
        due_store.stage_task(transaction, key, "attachments", due_at=clock.now(), objects=file_ids)


def _task_key(conversation_id: str, seq: int) -> str:
    return f"message#{conversation_id}#{seq}"


def remove(conversation_id: str, seq: int, data: Mapping[str, Any]) -> None:
    """Take files from the members of a conversation with the message they went with; the sweep deletes their bytes.

    Never raises: what fails here is done by the sweep, within five minutes.
    """
    file_ids = [each["id"] for each in data.get("attachments", ())]
    try:
        take_back(conversation_id, seq, file_ids)
    except Exception as error:
        telemetry.logger().warning("attachments left", exc_info=error, extra={"conversation_id": conversation_id})


def take_back(conversation_id: str, seq: int, file_ids: Sequence[str]) -> list[Node]:
    """End the access that a message gave; returns the files that belonged to it alone, which are in the trash now."""
    doomed = []
    for node in store.nodes(file_ids).values() if file_ids else ():
        share = share_store.given_with(node.id, conversation_id, seq)
        if share is not None:
            share_store.remove(share)
        if node.conversation_id == conversation_id and (node.message_seq or 0) == seq and not _handed_on(node):
            doomed.append(_trashed(node))
    return doomed


def remove_later(conversation_id: str, seq: int, file_ids: Sequence[str]) -> None:
    """Have the sweep take files from the members of a conversation, and delete their bytes; within five minutes.

    `seq` is that of the message they went with, 0 for files of the conversation that went with none.
    """
    due_store.put_task(_task_key(conversation_id, seq), "attachments", due_at=clock.now(), objects=list(file_ids))


def erase_of_conversation(conversation_id: str, _cursor: Any = None) -> bool | None:
    """Take back what was shared with a conversation that has ended, and have files removed that lie in it and went with
    no message; True while there may be more shares."""
    shares = store.granted(conversation_id, after=None, limit=SHARES_PER_STEP)
    for share in shares:
        share_store.remove(share)
    if len(shares) == SHARES_PER_STEP:
        return True
    files = store.nodes([row.node_id for row in store.everything_in(conversation_id)])
    loose = [node.id for node in files.values() if node.message_seq is None]
    if loose:
        remove_later(conversation_id, 0, loose)
    return None


def _handed_on(node: Node) -> bool:
    """Give a file whose message is gone to the next message of its conversation that shows it, or, where others still
    have it (it was forwarded, or shared by hand), back to its owner's drive; False when nobody has it any more."""
    found, now = store.node_access(node.id), clock.now()
    shares = [each for each in found.shares if not is_over(each, now)] if found is not None else []
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


def _trashed(node: Node) -> Node:
    if node.state == "trashed":
        return node
    now = max(clock.now(), node.updated_at + 1)
    after = replace(node, state="trashed", trashed_at=now, trashed_with=None, updated_at=now)
    store.commit(lambda it: store.stage_node(it, node, after, due_at=now))
    return after


def parsed(task_key: str) -> tuple[str, int]:
    """The conversation and seq of the message whose files a cleanup task has to take back, from the task's key."""
    _, conversation_id, seq = task_key.split("#")
    return conversation_id, int(seq)
