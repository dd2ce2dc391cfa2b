"""Aborts uploads of people who have lost access to a conversation, or whose account has ended.

An upload that is missed here is rejected by the intake, which checks access again.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from drive import store
from drive.model import ABANDONED_AFTER_MS, Node
from drive.uploads import transfers
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Conflict, NotFound
from log.api import AccountLost, ConversationLost

_LATEST = 100  # files of a person by last change, which include those with uploads in progress


def abort_of_conversation(loss: ConversationLost) -> None:
    """Abort a former member's uploads into a conversation, or everybody's into a deleted one."""
    if loss.user_id is not None:
        _abort_of_user(loss.user_id, loss.conversation_id, before=loss.at)
        return
    files = store.nodes([row.node_id for row in store.everything_in(loss.conversation_id)])
    _abort([each for each in files.values() if each.created_at <= loss.at])


def abort_of_account(loss: AccountLost) -> None:
    """Abort all uploads of a person."""
    _abort_of_user(loss.user_id, None, before=loss.at)


def _abort_of_user(user_id: str, conversation_id: str | None, *, before: int) -> None:
    oldest = clock.now() - ABANDONED_AFTER_MS
    recent = [each for at, each in store.owned(user_id, before=None, limit=_LATEST) if at > oldest]
    files = [each for each in store.nodes(recent).values() if conversation_id in (None, each.conversation_id)]
    _abort([each for each in files if each.owner_id == user_id and each.created_at <= before])


def _abort(files: Iterable[Node]) -> None:
    for node in files:
        if node.state == "uploading":
            with suppress(Conflict, NotFound):  # ended meanwhile
                transfers.abort(caller=Caller(node.owner_id, ""), file_id=node.id)
