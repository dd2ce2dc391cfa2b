"""The drive's table: its items, and their mapping to the model.

The key of an item is `(node_id, part)`. The parts `node`, `share#…` and `upload` of a node are read together, so that
fetching and authorising take one round trip a level. Indexes: by_place (children of a folder, the trash or a
conversation, others' uploads into a drive), by_owner, by_grantee (shares, and uploads into others' drives), by_due
(items for the sweep, by time).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from pynamodb.attributes import JSONAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action

from drive.model import Grant, Node, PendingUpload, PublicLink, Version, fold
from kernel.dynamo import Record
from kernel.records import IntegerAttribute, Mapper, index, set_or_remove

NODE, UPLOAD = "node", "upload"
_UPLOADS = "uploads#"
BY_HAND = "by hand"  # the kind of a share that was made explicitly, perhaps in addition to a message's attachment
DUE_PARTITIONS = 4  # of the index by_due


class Item(Record, table="drive"):
    """Any item of the table; its attributes depend on its part."""

    node_id = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    by_place = index(place=UnicodeAttribute(hash_key=True), order=UnicodeAttribute(range_key=True))
    by_owner = index(owner_id=UnicodeAttribute(hash_key=True), updated_at=IntegerAttribute(range_key=True))
    by_grantee = index(grantee=UnicodeAttribute(hash_key=True), node_id=UnicodeAttribute(range_key=True))
    by_due = index(agenda=UnicodeAttribute(hash_key=True), due_at=IntegerAttribute(range_key=True))
    place = UnicodeAttribute(null=True)
    order = UnicodeAttribute(null=True)
    agenda = UnicodeAttribute(null=True)
    due_at = IntegerAttribute(null=True)
    # nodes, uploads, versions
    kind = UnicodeAttribute(null=True)
    owner_id = UnicodeAttribute(null=True)
    user_id = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    folder_id = UnicodeAttribute(null=True)
    state = UnicodeAttribute(null=True)
    size = IntegerAttribute(null=True)
    content_type = UnicodeAttribute(null=True)
    sha256 = UnicodeAttribute(null=True)
    version = IntegerAttribute(null=True)
    reject_reason = UnicodeAttribute(null=True)
    conversation_id = UnicodeAttribute(null=True)
    object_key = UnicodeAttribute(null=True)
    object_version = UnicodeAttribute(null=True)
    thumbnail_key = UnicodeAttribute(null=True)
    width = IntegerAttribute(null=True)
    height = IntegerAttribute(null=True)
    message_seq = IntegerAttribute(null=True)
    trashed_at = IntegerAttribute(null=True)
    trashed_with = UnicodeAttribute(null=True)
    created_at = IntegerAttribute(null=True)
    updated_at = IntegerAttribute(null=True)
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
    ends_at = IntegerAttribute(null=True)
    password_hash = UnicodeAttribute(null=True)
    downloads = IntegerAttribute(null=True)
    max_downloads = IntegerAttribute(null=True)
    # usage
    taken = IntegerAttribute(null=True)
    used = IntegerAttribute(null=True)
    used_image = IntegerAttribute(null=True)
    used_video = IntegerAttribute(null=True)
    used_audio = IntegerAttribute(null=True)
    used_document = IntegerAttribute(null=True)
    used_archive = IntegerAttribute(null=True)
    used_other = IntegerAttribute(null=True)
    moves = IntegerAttribute(null=True)
    # de-duplication of uploads, cleanup tasks, activity
    fingerprint = UnicodeAttribute(null=True)
    objects = JSONAttribute(null=True)
    details = JSONAttribute(null=True)


@dataclass(frozen=True, slots=True)
class NodeAccess:
    """A node with the grants on it and its pending upload."""

    node: Node
    shares: tuple[Grant, ...] = ()
    upload: PendingUpload | None = None


nodes = Mapper(Item, Node, renamed={"id": "node_id"})
uploads = Mapper(Item, PendingUpload, renamed={"file_id": "node_id"})
versions = Mapper(Item, Version, renamed={"file_id": "node_id", "number": "version"})
links = Mapper(Item, PublicLink, renamed={"file_id": "target"})
# an explicit share does not end with a message that has the file attached as well
shares = Mapper(
    Item,
    Grant,
    ends_at=lambda item: None if item.kind == BY_HAND else item.ends_at,
    message_seq=lambda item: None if item.kind == BY_HAND else item.message_seq,
)


def due_partition(node_id: str) -> str:
    """The partition of the index by_due for this node's items."""
    return f"sweep#{zlib.crc32(node_id.encode()) % DUE_PARTITIONS}"


def place_of(node: Node) -> str:
    """The list that a node is in: its folder, its owner's root, its conversation, or the trash if it was trashed itself
    and not with a folder."""
    if node.state == "trashed" and node.trashed_with is None:
        return trash(node.owner_id)
    return node.conversation_id or node.folder_id or root(node.owner_id)


def root(owner_id: str) -> str:
    return f"root#{owner_id}"


def trash(owner_id: str) -> str:
    return f"trash#{owner_id}"


def uploads_into(owner_id: str) -> str:
    """The list of other people's pending uploads into a person's drive, in the index by_place."""
    return _UPLOADS + owner_id


def owner_of_uploads(list_id: str) -> str:
    """The owner in the id that `uploads_into` gives."""
    return list_id.removeprefix(_UPLOADS)


def uploads_by(user_id: str) -> str:
    """The list of a person's pending uploads into other people's drives, in the index by_grantee."""
    return _UPLOADS + user_id


def upload_item(upload: PendingUpload, due_at: int) -> Item:
    """The item of a pending upload; of one into somebody else's drive with its keys in by_place and by_grantee."""
    item = uploads.record(upload, part=UPLOAD, agenda=due_partition(upload.file_id), due_at=due_at)
    if upload.user_id != upload.owner_id:
        item.place, item.order = uploads_into(upload.owner_id), upload.upload_id
        item.grantee = uploads_by(upload.user_id)
    return item


def _order(node: Node) -> str:
    return f"{0 if node.is_folder else 1}{fold(node.name)[:200]}/{node.id}"


def node_item(node: Node) -> Item:
    """The item of a node, with its keys in the index by_place."""
    return nodes.record(node, part=NODE, place=place_of(node), order=_order(node))


def node_changes(before: Node, after: Node) -> list[Action]:
    """The update actions from one state of a node to another, including its keys in the index by_place."""
    actions = nodes.changes(before, after)
    if (place := place_of(after)) != place_of(before):
        actions.append(set_or_remove(Item.place, place))
    if (order := _order(after)) != _order(before):
        actions.append(set_or_remove(Item.order, order))
    return actions
