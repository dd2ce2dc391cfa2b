"""Shares and public links in the drive's table."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from pynamodb.exceptions import DeleteError, PutError, UpdateError
from pynamodb.expressions.update import Action

from drive.item_store import BY_HAND, Item, share_of
from drive.model import Role, Share
from drive.store import ending
from kernel.dynamo import Transaction, condition_failed


@dataclass(frozen=True, slots=True)
class Link:
    """A public link to a file; its token is kept as a hash only."""

    link_id: str
    file_id: str
    token_hash: str
    ends_at: int | None
    password_hash: str | None
    max_downloads: int | None
    downloads: int
    created_at: int
    user_id: str


def _part(grantee: str) -> str:
    return f"share#{grantee}"


def share(node_id: str, grantee: str) -> Share | None:
    found = Item.find(node_id, _part(grantee))
    return None if found is None else share_of(found)


def _share_record(each: Share) -> Item:
    return Item(
        each.node_id, _part(each.grantee), share_id=each.share_id, grantee=each.grantee, role=each.role,
        created_at=each.created_at, user_id=each.user_id,
    )  # fmt: skip


def put_share(each: Share) -> Share:
    """Grant; a grantee who has a share already keeps its id and gets the new role."""
    record = _share_record(each)
    record.kind = BY_HAND
    for _ in range(2):
        earlier = share(each.node_id, each.grantee)
        if earlier is None:
            try:
                record.save(condition=Item.node_id.does_not_exist())
            except PutError as error:
                if not condition_failed(error):
                    raise
                continue
            return each
        if change_role(earlier, each.role):
            return Share(
                earlier.share_id, earlier.node_id, earlier.grantee, each.role, earlier.created_at, earlier.user_id
            )
    record.save()
    return each


def change_role(each: Share, role: Role) -> bool:
    try:
        actions: list[Action] = [Item.role.set(role), Item.kind.set(BY_HAND)]
        Item(each.node_id, _part(each.grantee)).update(actions, condition=Item.share_id == each.share_id)
    except UpdateError as error:
        if condition_failed(error):
            return False
        raise
    return True


def stage_share(transaction: Transaction, each: Share, message_seq: int) -> None:
    """Grant with a message; what has been granted by hand stays so."""
    record = _share_record(each)
    actions: list[Action] = [
        Item.share_id.set(Item.share_id | each.share_id),
        Item.grantee.set(each.grantee),
        Item.role.set(Item.role | each.role),
        Item.created_at.set(Item.created_at | each.created_at),
        Item.user_id.set(Item.user_id | each.user_id),
        Item.message_seq.set(message_seq),
        ending(each.ends_at),
    ]
    transaction.update("share", record, actions)


def given_with(node_id: str, grantee: str, message_seq: int) -> Share | None:
    """The share that was given with this message, if neither a later one nor its owner has given it besides."""
    found = Item.find(node_id, _part(grantee))
    if found is None or found.kind == BY_HAND or found.message_seq != message_seq:
        return None
    return share_of(found)


def remove_share(each: Share) -> None:
    Item(each.node_id, _part(each.grantee)).delete()


# --- links ----------------------------------------------------------------------------------------------------


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _values(each: Link) -> dict[str, Any]:
    return {
        "link_id": each.link_id,
        "token_hash": each.token_hash,
        "target": each.file_id,
        "ends_at": each.ends_at,
        "max_downloads": each.max_downloads,
        "created_at": each.created_at,
        "user_id": each.user_id,
    }


def _link_of(item: Item) -> Link:
    return Link(
        link_id=item.link_id,
        file_id=item.target,
        token_hash=item.token_hash,
        ends_at=None if item.ends_at is None else int(item.ends_at),
        password_hash=item.password_hash,
        max_downloads=None if item.max_downloads is None else int(item.max_downloads),
        downloads=int(item.downloads or 0),
        created_at=int(item.created_at),
        user_id=item.user_id,
    )


def put_link(each: Link) -> None:
    """The link by its token, and under its file."""
    transaction = Transaction()
    by_token = Item(
        f"link#{each.token_hash}", "link", **_values(each), password_hash=each.password_hash, downloads=0
    )  # fmt: skip
    transaction.put("link", by_token, Item.node_id.does_not_exist())
    transaction.put("own", Item(each.file_id, f"link#{each.link_id}", **_values(each)))
    transaction.commit()


def link(hashed: str) -> Link | None:
    found = Item.find(f"link#{hashed}", "link")
    return None if found is None else _link_of(found)


def links_of(file_id: str) -> list[Link]:
    rows = Item.query(file_id, Item.part.startswith("link#"), consistent_read=True)
    found = [link(row.token_hash) for row in rows]
    return [each for each in found if each is not None]


def link_of(file_id: str, link_id: str) -> Link | None:
    found = Item.find(file_id, f"link#{link_id}")
    return None if found is None else _link_of(found)


def remove_link(each: Link) -> None:
    for record in (Item(f"link#{each.token_hash}", "link"), Item(each.file_id, f"link#{each.link_id}")):
        try:
            record.delete()
        except DeleteError as error:
            if not condition_failed(error):
                raise


def count_download(each: Link, now: int) -> bool:
    """Use a link once; False when it has been used up, has ended or is gone: exact however many race."""
    condition = Item.token_hash == each.token_hash
    condition &= Item.max_downloads.does_not_exist() | (Item.downloads < (each.max_downloads or 0))
    condition &= Item.ends_at.does_not_exist() | (Item.ends_at > now)
    try:
        Item(f"link#{each.token_hash}", "link").update([Item.downloads.add(1)], condition=condition)
    except UpdateError as error:
        if condition_failed(error):
            return False
        raise
    return True
