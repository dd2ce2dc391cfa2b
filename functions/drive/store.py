"""The drive's table: nodes, their uploads and versions, and how transactions on it are carried out.

One table: an item is `(node_id, part)`. The parts `node`, `share#…` and `upload` of a node are read together, so that
fetching and authorising are one round trip a level. Indexes: by_place (what is in a folder, the trash or a
conversation), by_owner, by_grantee, by_due (what has to be looked at again, and when).
"""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection

from drive.model import Node, Role, Share, Upload, Version, fold
from kernel.dynamo import Cancelled, Record, TableName, Transaction, read_together
from kernel.errors import DependencyUnavailable
from kernel.resilience import full_jitter

NODE, UPLOAD = "node", "upload"
BY_HAND = "by hand"  # the kind of a share that no message gave, or not a message alone
PATIENCE_S = 6.0
SORT_KEY_MAX_BYTES = 1024
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
    )  # fmt: skip


def _version_of(item: Item) -> Version:
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


def _node_values(node: Node) -> dict[str, Any]:
    values = asdict(node)
    del values["id"]
    return {**values, "place": place_of(node), "order": _order(node)}


# --- reads ----------------------------------------------------------------------------------------------------


def level(node_id: str) -> Level | None:
    """A node, its shares and its pending upload, in one round trip."""
    node, shares, upload = None, [], None
    for item in Item.query(node_id, Item.part.between(NODE, UPLOAD), consistent_read=True):
        if item.part == NODE:
            node = node_of(item)
        elif item.part == UPLOAD:
            upload = upload_of(item)
        else:
            shares.append(share_of(item))
    return None if node is None else Level(node, tuple(shares), upload)


def nodes(node_ids: Sequence[str]) -> dict[str, Node]:
    """Those that exist, in one round trip per 100."""
    rows = read_together([(Item, (node_id, NODE)) for node_id in node_ids])
    return {row.node_id: node_of(row) for row in rows if row is not None}


def listed(place: str, prefix: str, *, after: str | None, limit: int, backwards: bool) -> list[tuple[str, str]]:
    """`(order, node_id)` of a place by name: those whose order begins with `prefix`, from behind `after`."""
    low, high = prefix or "0", prefix + "\U0010ffff"  # every order begins with 0 or 1
    condition = Item.order.between(*((low, after or high) if backwards else (after or low, high)))
    rows = Item.by_place.query(place, condition, scan_index_forward=not backwards, limit=limit + 1)
    return [(row.order, row.node_id) for row in rows if row.order != after][:limit]


def everything_in(place: str) -> list[Item]:
    """The index rows of a place: keys, order, size and times; a round trip per megabyte (about 5,000)."""
    return list(Item.by_place.query(place))


def owned(owner_id: str, *, before: int | None, limit: int) -> list[tuple[int, str]]:
    """`(updated_at, node_id)` of somebody's nodes, latest first."""
    condition = None if before is None else Item.updated_at <= before
    rows = Item.by_owner.query(owner_id, condition, scan_index_forward=False, limit=limit)
    return [(int(row.updated_at), row.node_id) for row in rows]


def granted(grantee: str, *, after: str | None, limit: int) -> list[Share]:
    """What was shared with a person or a conversation (by index: a new one may take a moment)."""
    condition = None if after is None else Item.node_id > after
    return [share_of(row) for row in Item.by_grantee.query(grantee, condition, limit=limit)]


def due(now: int, limit: int) -> list[tuple[str, str]]:
    """`(node_id, part)` of what is due, earliest first in each partition."""
    found: list[tuple[str, str]] = []
    for number in range(AGENDAS):
        rows = Item.by_due.query(f"sweep#{number}", Item.due_at <= now, limit=limit)
        found += [(row.node_id, row.part) for row in rows]
    return found


def versions(file_id: str) -> list[Version]:
    """All versions that are kept, newest first."""
    rows = Item.query(file_id, Item.part.startswith("version#"), consistent_read=True, scan_index_forward=False)
    return [_version_of(row) for row in rows]


def newest_version(file_id: str) -> int:
    """The highest number of a version that is kept."""
    part = Item.part.startswith("version#")
    rows = Item.query(file_id, part, consistent_read=True, scan_index_forward=False, limit=1)
    return max((int(row.version) for row in rows), default=0)


def version(file_id: str, number: int) -> Version | None:
    found = Item.find(file_id, _version_part(number))
    return None if found is None else _version_of(found)


def _version_part(number: int) -> str:
    return f"version#{number:08d}"


# --- writes ---------------------------------------------------------------------------------------------------


def commit(stage: Callable[[Transaction], None]) -> None:
    """Carry a transaction out, again while others hold its items. Raises Cancelled when a condition fails."""
    deadline = time.monotonic() + PATIENCE_S
    turn = 0
    while True:
        transaction = Transaction()
        stage(transaction)
        try:
            transaction.commit()
            return
        except Cancelled as refused:
            if refused.failed or not refused.contended:
                raise
            if time.monotonic() > deadline:
                raise DependencyUnavailable("This drive is very busy; try again.", retry_after_s=1) from refused
        time.sleep(full_jitter(turn, 0.02, 0.4))
        turn += 1


def stage_new_node(transaction: Transaction, node: Node) -> None:
    transaction.put("node", Item(node.id, NODE, **_node_values(node)), Item.node_id.does_not_exist())


def stage_node(transaction: Transaction, before: Node, after: Node, *, due_at: int | None = None) -> None:
    """Replace a node as it was read (label `node`); `due_at` puts it on the agenda, None takes it off."""
    given, known = _node_values(after), _node_values(before)
    actions: list[Action] = []
    for name, value in given.items():
        if value != known[name]:
            actions.append(getattr(Item, name).remove() if value is None else getattr(Item, name).set(value))
    if due_at is not None:
        actions += [Item.agenda.set(agenda(after.id)), Item.due_at.set(due_at)]
    else:
        actions += [Item.agenda.remove(), Item.due_at.remove()]
    unchanged = (Item.updated_at == before.updated_at) & (Item.state == before.state)
    transaction.update("node", Item(after.id, NODE), actions, unchanged & (Item.version == before.version))


def ending(ends_at: int | None) -> Action:
    """Sets when the message disappears that gives a file, or that it does not."""
    return Item.ends_at.remove() if ends_at is None else Item.ends_at.set(ends_at)


def stage_attached(
    transaction: Transaction, label: str, node: Node, message_seq: int | None, ends_at: int | None
) -> None:
    """Note the message that a file goes with, or only see to it that it is ready (under `label`)."""
    ready = (Item.state == "ready") & (Item.owner_id == node.owner_id)
    if message_seq is None:
        transaction.check(label, Item, (node.id, NODE), ready)
    else:
        actions = [Item.message_seq.set(message_seq), ending(ends_at)]
        transaction.update(label, Item(node.id, NODE), actions, ready)


def stage_node_gone(transaction: Transaction, node: Node) -> None:
    transaction.delete("node", Item(node.id, NODE), (Item.updated_at == node.updated_at) & (Item.state == node.state))


def stage_upload(transaction: Transaction, upload: Upload, *, due_at: int, replacing: str | None) -> None:
    """Put the upload that is expected; `replacing` names the one that it may take the place of (label `upload`)."""
    values = asdict(upload)
    record = Item(values.pop("file_id"), UPLOAD, **values, agenda=agenda(upload.file_id), due_at=due_at)
    condition = Item.node_id.does_not_exist() if replacing is None else Item.upload_id == replacing
    transaction.put("upload", record, condition)


def stage_upload_gone(transaction: Transaction, upload: Upload) -> None:
    transaction.delete("upload", Item(upload.file_id, UPLOAD), Item.upload_id == upload.upload_id)


def change_upload(upload: Upload, *, due_at: int | None = None, **changes: Any) -> bool:
    """Set fields of a pending upload; False when it is pending no longer."""
    from pynamodb.exceptions import UpdateError

    from kernel.dynamo import condition_failed

    actions: list[Action] = [getattr(Item, name).set(value) for name, value in changes.items()]
    if due_at is not None:
        actions.append(Item.due_at.set(due_at))
    condition = Item.upload_id == upload.upload_id
    if "multipart_id" in changes:
        condition &= Item.multipart_id.does_not_exist()
    try:
        Item(upload.file_id, UPLOAD).update(actions, condition=condition)
    except UpdateError as error:
        if condition_failed(error):
            return False
        raise
    return True


def stage_version(transaction: Transaction, each: Version) -> None:
    values = asdict(each)
    number = values.pop("number")
    record = Item(values.pop("file_id"), _version_part(number), version=number, **values)
    transaction.put("version", record, Item.node_id.does_not_exist())


def stage_version_gone(transaction: Transaction, each: Version) -> None:
    transaction.delete("version", Item(each.file_id, _version_part(each.number)), Item.node_id.exists())


# --- claims of client ids, names of folders -------------------------------------------------------------------


def claim(user_id: str, client_id: str) -> tuple[str, str, str] | None:
    """`(file_id, upload_id, fingerprint)` of what this client_id made."""
    found = Item.find(_claim(user_id, client_id), "claim")
    return None if found is None else (found.target, found.upload_id, found.fingerprint)


def _claim(user_id: str, client_id: str) -> str:
    return f"claim#{user_id}#{client_id}"


def stage_claim(transaction: Transaction, upload: Upload, fingerprint: str) -> None:
    """Label `claim`."""
    record = Item(
        _claim(upload.user_id, upload.client_id), "claim", target=upload.file_id, upload_id=upload.upload_id,
        fingerprint=fingerprint,
    )  # fmt: skip
    transaction.put("claim", record, Item.node_id.does_not_exist())


def stage_claim_gone(transaction: Transaction, upload: Upload) -> None:
    transaction.delete("claim", Item(_claim(upload.user_id, upload.client_id), "claim"))


def _name(node: Node) -> tuple[str, str]:
    """The key of a name in its place. Folded it may be empty, or longer than a sort key may be: then its hash."""
    folded = fold(node.name)
    if not 1 <= len(folded.encode()) <= SORT_KEY_MAX_BYTES:
        folded = hashlib.sha256(folded.encode()).hexdigest()
    return f"name#{node.folder_id or root(node.owner_id)}", folded


def stage_name(transaction: Transaction, node: Node) -> None:
    """Take a folder's name in its place (label `name`)."""
    transaction.put("name", Item(*_name(node), target=node.id), Item.node_id.does_not_exist())


def stage_name_gone(transaction: Transaction, node: Node) -> None:
    transaction.delete("name", Item(*_name(node)), Item.target.does_not_exist() | (Item.target == node.id))


# --- words, favourites, activity, errands ---------------------------------------------------------------------


def index(owner_id: str, node_id: str, added: Iterable[str], removed: Iterable[str] = ()) -> None:
    """Keep the words by which a node is found."""
    with Item.batch_write() as batch:
        for term in added:
            batch.save(Item(f"words#{owner_id}", f"{term}#{node_id}"))
        for term in removed:
            batch.delete(Item(f"words#{owner_id}", f"{term}#{node_id}"))


def found(owner_id: str, prefix: str, *, after: str | None, limit: int) -> list[tuple[str, str]]:
    """`(entry, node_id)` of nodes with a word that begins with `prefix`, by that word."""
    condition = Item.part.between(after or prefix, prefix + "\U0010ffff")
    rows = Item.query(f"words#{owner_id}", condition, limit=limit + 1)
    return [(row.part, row.part.rpartition("#")[2]) for row in rows if row.part != after][:limit]


def set_favourite(user_id: str, node_id: str, on: bool) -> None:
    record = Item(f"favourites#{user_id}", node_id)
    if on:
        record.save()
    else:
        record.delete()


def favourites(user_id: str, *, after: str | None, limit: int) -> list[str]:
    condition = None if after is None else Item.part > after
    return [row.part for row in Item.query(f"favourites#{user_id}", condition, limit=limit)]


def note(node_id: str, entry_id: str, *, user_id: str, action: str, at: int, details: dict[str, Any]) -> None:
    Item(
        node_id, f"activity#{entry_id}", user_id=user_id, kind=action, created_at=at, details=details
    ).save()  # fmt: skip


def notes(node_id: str, *, before: str | None, limit: int) -> list[Item]:
    condition = Item.part.startswith("activity#") if before is None else Item.part.between("activity#", before)
    rows = Item.query(node_id, condition, scan_index_forward=False, limit=limit + 1)
    return [row for row in rows if row.part != before][:limit]


def put_errand(node_id: str, kind: str, *, due_at: int, objects: Any = None) -> None:
    Item(node_id, f"errand#{kind}", kind=kind, objects=objects, agenda=agenda(node_id), due_at=due_at).save()


def stage_errand(transaction: Transaction, node_id: str, kind: str, *, due_at: int, objects: Any = None) -> None:
    record = Item(node_id, f"errand#{kind}", kind=kind, objects=objects, agenda=agenda(node_id), due_at=due_at)
    transaction.put("errand", record)


def errand(node_id: str, part: str) -> Item | None:
    return Item.find(node_id, part)


def errand_done(node_id: str, kind: str) -> None:
    Item(node_id, f"errand#{kind}").delete()


def remove_all_of(node_id: str) -> None:
    """Delete what is left of a node that is gone: shares, activity, file-side links."""
    with Item.batch_write() as batch:
        for row in Item.query(node_id, consistent_read=True):
            if row.part != NODE and not row.part.startswith("errand#"):
                batch.delete(row)
