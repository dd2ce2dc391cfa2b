"""Revokes what two people have shared with each other, once one of them blocks the other."""

from __future__ import annotations

from collections.abc import Iterator

from drive import store
from drive.model import Grant
from drive.sharing import share_store
from log.api import ContactChanged

_PAGE = 100


def revoke_between(change: ContactChanged) -> None:
    """Revoke the shares of either with the other that are older than the block; lifting it does not restore them."""
    if not change.blocked:
        return
    for owner, grantee in ((change.user_id, change.other_id), (change.other_id, change.user_id)):
        for share in list(_granted(grantee)):
            if share.user_id == owner and share.created_at <= change.at:
                share_store.remove(share)


def _granted(grantee: str) -> Iterator[Grant]:
    """All shares with a person."""
    after: str | None = None
    while True:
        page = store.granted(grantee, after=after, limit=_PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].node_id
