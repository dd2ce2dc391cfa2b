"""Revokes what two people have shared by hand with each other or with their chat, once one blocks the other."""

from __future__ import annotations

from collections.abc import Iterator

from drive import store
from drive.model import Grant
from drive.sharing import share_store
from log.api import ContactChanged

_PAGE = 100


def revoke_between(change: ContactChanged) -> None:
    """Revoke the shares by hand of either with the other or their chat that are older than the block.

    What messages have attached stays, as the messages do. Lifting the block does not restore shares.
    """
    if not change.blocked:
        return
    pair = (change.user_id, change.other_id)
    for grantee in pair if change.direct_id is None else (*pair, change.direct_id):
        for share in list(_granted(grantee)):
            if share.user_id in pair and share.message_seq is None:
                share_store.end_by_hand(share, until=change.at)


def _granted(grantee: str) -> Iterator[Grant]:
    """All shares with a person or a conversation."""
    after: str | None = None
    while True:
        page = store.granted(grantee, after=after, limit=_PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].node_id
