"""The drive's table: its items, and what they are as values.

One table: an item is `(node_id, part)`. The parts `node`, `share#…` and `upload` of a node are read together, so that
fetching and authorising are one round trip a level. Indexes: by_place (what is in a folder, the trash or a
conversation), by_owner, by_grantee, by_due (what has to be looked at again, and when).
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection

from drive.model import Node, Role, Share, Upload, Version, fold
from kernel.dynamo import Record, TableName

NODE, UPLOAD = "node", "upload"
BY_HAND = "by hand"  # the kind of a share that no message gave, or not a message alone
AGENDAS = 4  # the index of due things is spread over so many partitions
_NODE_FIELDS = tuple(each.name for each in fields(Node))
_UPLOAD_FIELDS = tuple(each.name for each in fields(Upload))


class _ByPlace(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_place"
        projection = IncludeProjection(["size", "created_at", "updated_at"])

    place = UnicodeAttribute(hash_key=True)
    order = UnicodeAttribute(range_key=True)


class _ByOwner(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_owner"
        projection = KeysOnlyProjection()

    owner_id = UnicodeAttribute(hash_key=True)
    updated_at = NumberAttribute(range_key=True)


class _ByGrantee(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_grantee"
        projection = AllProjection()

    grantee = UnicodeAttribute(hash_key=True)
    node_id = UnicodeAttribute(range_key=True)


class _ByDue(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_due"
        projection = KeysOnlyProjection()

    agenda = UnicodeAttribute(hash_key=True)
    due_at = NumberAttribute(range_key=True)


class Item(Record):
    """Any item of the table; which attributes it has depends on its part."""

    class Meta:
        table_name = TableName("drive")

    node_id = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    by_place = _ByPlace()
    by_owner = _ByOwner()
    by_grantee = _ByGrantee()
    by_due = _ByDue()
    place = UnicodeAttribute(null=True)
    order = UnicodeAttribute(null=True)
    agenda = UnicodeAttribute(null=True)
    due_at = NumberAttribute(null=True)
    # nodes, uploads, versions
    kind = UnicodeAttribute(null=True)
    owner_id = UnicodeAttribute(null=True)
    user_id = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    folder_id = UnicodeAttribute(null=True)
    state = UnicodeAttribute(null=True)
    size = NumberAttribute(null=True)
    content_type = UnicodeAttribute(null=True)
    sha256 = UnicodeAttribute(null=True)
    version = NumberAttribute(null=True)
    reject_reason = UnicodeAttribute(null=True)
    conversation_id = UnicodeAttribute(null=True)
    object_key = UnicodeAttribute(null=True)
    object_version = UnicodeAttribute(null=True)
    thumbnail_key = UnicodeAttribute(null=True)
    width = NumberAttribute(null=True)
    height = NumberAttribute(null=True)
    message_seq = NumberAttribute(null=True)
    trashed_at = NumberAttribute(null=True)
    trashed_with = UnicodeAttribute(null=True)
    created_at = NumberAttribute(null=True)
    updated_at = NumberAttribute(null=True)
    upload_id = UnicodeAttribute(null=True)
    client_id = UnicodeAttribute(null=True)
    multipart_id = UnicodeAttribute(null=True)
    # shares and links
    share_id = UnicodeAttribute(null=True)
    grantee = UnicodeAttribute(null=True)
    role = UnicodeAttribute(null=True)
    link_id = UnicodeAttribute(null=True)
    token_hash = UnicodeAttribute(null=True)
    target = UnicodeAttribute(null=True)
    ends_at = NumberAttribute(null=True)
    password_hash = UnicodeAttribute(null=True)
    downloads = NumberAttribute(null=True)
    max_downloads = NumberAttribute(null=True)
    # usage
    taken = NumberAttribute(null=True)
    used = NumberAttribute(null=True)
    used_image = NumberAttribute(null=True)
    used_video = NumberAttribute(null=True)
    used_audio = NumberAttribute(null=True)
    used_document = NumberAttribute(null=True)
    used_archive = NumberAttribute(null=True)
    used_other = NumberAttribute(null=True)
    moves = NumberAttribute(null=True)
    # claims, errands, activity
    fingerprint = UnicodeAttribute(null=True)
    objects = JSONAttribute(null=True)
    details = JSONAttribute(null=True)


@dataclass(frozen=True, slots=True)
class Level:
    """A node with what is granted on it and the upload that is pending for it."""

    node: Node
    shares: tuple[Share, ...] = ()
    upload: Upload | None = None


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float | int) and not isinstance(value, bool) else value


def node_of(item: Item) -> Node:
    values = {name: _whole(getattr(item, name)) for name in _NODE_FIELDS if name != "id"}
    optional = {name: value for name, value in values.items() if value is not None or name == "folder_id"}
    return Node(id=item.node_id, **optional)


def upload_of(item: Item) -> Upload:
    values = {name: _whole(getattr(item, name)) for name in _UPLOAD_FIELDS if name != "file_id"}
    return Upload(file_id=item.node_id, **values)


def share_of(item: Item) -> Share:
    return Share(
        item.share_id, item.node_id, item.grantee, cast(Role, item.role), int(item.created_at), item.user_id,
        ends_at=_whole(item.ends_at) if item.kind != BY_HAND else None,
        message_seq=_whole(item.message_seq) if item.kind != BY_HAND else None,
    )  # fmt: skip


def version_of(item: Item) -> Version:
    values = {each.name: _whole(getattr(item, each.name, None)) for each in fields(Version)}
    return Version(**{**values, "file_id": item.node_id, "number": int(item.version)})


def agenda(node_id: str) -> str:
    return f"sweep#{zlib.crc32(node_id.encode()) % AGENDAS}"


def place_of(node: Node) -> str:
    """Where a node is listed: its folder, its owner's root, its conversation; the trash if it was put there itself."""
    if node.state == "trashed" and node.trashed_with is None:
        return trash(node.owner_id)
    return node.conversation_id or node.folder_id or root(node.owner_id)


def root(owner_id: str) -> str:
    return f"root#{owner_id}"


def trash(owner_id: str) -> str:
    return f"trash#{owner_id}"


def _order(node: Node) -> str:
    return f"{0 if node.is_folder else 1}{fold(node.name)[:200]}/{node.id}"


def node_values(node: Node) -> dict[str, Any]:
    values = asdict(node)
    del values["id"]
    return {**values, "place": place_of(node), "order": _order(node)}
