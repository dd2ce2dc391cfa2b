"""Revokes what two people have shared by hand with each other or with their chat, once one blocks the other."""

from __future__ import annotations

from drive import store
from drive.sharing import share_store
from drive.uploads import lost_access
from log.api import ContactChanged


def revoke_between(change: ContactChanged) -> None:
    """Revoke the shares by hand of either with the other or their chat that are older than the block.

    What messages have attached stays, as the messages do. Uploads under way into what was shared are aborted. Lifting
    the block does not restore shares.
    """
    if not change.blocked:
        return
    pair = (change.user_id, change.other_id)
    for grantee in pair if change.direct_id is None else (*pair, change.direct_id):
        for share in store.all_granted(grantee):
            if share.user_id in pair and share.message_seq is None:
                share_store.end_by_hand(share, until=change.at)
    for owner_id in (change.user_id, change.other_id):
        lost_access.abort_in_drive(owner_id)
