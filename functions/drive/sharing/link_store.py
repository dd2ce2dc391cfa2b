"""Public links in the drive's table: each link has an item by the hash of its token, and one under its file."""

from __future__ import annotations

import hashlib

from drive.item_store import Item, links
from drive.model import PublicLink
from kernel.transactions import Transaction

_BY_HASH = "link"
_UNDER_FILE = "link#"


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _by_token(hashed: str) -> tuple[str, str]:
    return f"link#{hashed}", _BY_HASH


def put(each: PublicLink) -> None:
    """Save a new link; its password and its count of downloads are only in the item by token."""
    transaction = Transaction()
    transaction.put("link", links.record(each, *_by_token(each.token_hash)), Item.node_id.does_not_exist())
    under_file = links.record(each, each.file_id, f"{_UNDER_FILE}{each.link_id}", password_hash=None, downloads=None)
    transaction.put("own", under_file)
    transaction.commit()


def by_hash(hashed: str) -> PublicLink | None:
    """The link whose token has this hash."""
    return links.found(Item.find(*_by_token(hashed)))


def of_file(file_id: str) -> list[PublicLink]:
    """The links of a file, with their counts of downloads."""
    rows = Item.query(file_id, Item.part.startswith(_UNDER_FILE), consistent_read=True)
    return [found for row in rows if (found := by_hash(row.token_hash)) is not None]


def find(file_id: str, link_id: str) -> PublicLink | None:
    """A link of a file, without its password and downloads."""
    return links.found(Item.find(file_id, f"{_UNDER_FILE}{link_id}"))


def remove(each: PublicLink) -> None:
    """Delete a link, if it exists."""
    for key in (_by_token(each.token_hash), (each.file_id, f"{_UNDER_FILE}{each.link_id}")):
        Item(*key).delete()


def count_download(each: PublicLink, now: int) -> bool:
    """Count a download; False if the link is used up, expired or deleted. Exact under concurrency."""
    condition = Item.token_hash == each.token_hash
    condition &= Item.max_downloads.does_not_exist() | (Item.downloads < (each.max_downloads or 0))
    condition &= Item.ends_at.does_not_exist() | (Item.ends_at > now)
    return Item(*_by_token(each.token_hash)).update_if(condition, Item.downloads.add(1))
