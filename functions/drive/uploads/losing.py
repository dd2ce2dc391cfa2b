"""What of uploads ends with a right: those under way into a conversation that is lost, or of an account that is.

What is missed here is refused by the intake, which asks again whether the file may come in (files.access).
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

_LATEST = 100  # files of a person, by their last change: what is under way is among them


def of_conversation(loss: ConversationLost) -> None:
    """Give up what a former member was uploading into it; of a deleted group, what anybody was."""
    if loss.user_id is not None:
        _give_up(loss.user_id, loss.conversation_id, before=loss.at)
        return
    files = store.nodes([row.node_id for row in store.everything_in(loss.conversation_id)])
    _abort([each for each in files.values() if each.created_at <= loss.at])


def of_account(loss: AccountLost) -> None:
    """Give up what a person was uploading."""
    _give_up(loss.user_id, None, before=loss.at)


def _give_up(user_id: str, conversation_id: str | None, *, before: int) -> None:
    oldest = clock.now() - ABANDONED_AFTER_MS
    recent = [each for at, each in store.owned(user_id, before=None, limit=_LATEST) if at > oldest]
    meant = [each for each in store.nodes(recent).values() if conversation_id in (None, each.conversation_id)]
    _abort([each for each in meant if each.owner_id == user_id and each.created_at <= before])


def _abort(files: Iterable[Node]) -> None:
    for node in files:
        if node.state == "uploading":
            with suppress(Conflict, NotFound):  # it has ended meanwhile
                transfers.abort(caller=Caller(node.owner_id, ""), file_id=node.id)
