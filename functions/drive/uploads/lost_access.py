"""Aborts uploads of people who have lost access to a conversation or a share, or whose account has ended.

Their quota is free at once, also that of the owner into whose drive somebody else uploads. An upload that is missed
here is rejected by the intake, which checks access again, or ended by the sweep after a day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from drive import item_store, store
from drive.files import access
from drive.item_store import NodeAccess
from drive.model import ABANDONED_AFTER_MS, Node, PendingUpload
from drive.trash import due_store
from drive.uploads import transfers
from kernel import clock, parallel
from kernel.caller import Caller
from kernel.errors import Conflict, NotFound
from log.api import AccountLost, ConversationLost, PlainTextLost

AT_ONCE = 30  # uploads that a request looks at
REST = "uploads"  # the kind of the cleanup task for more
_LATEST = 100  # files of a person by last change, which include those with uploads in progress


def abort_of_conversation(loss: ConversationLost) -> None:
    """Abort a former member's uploads into a conversation, or everybody's into a deleted one."""
    if loss.user_id is not None:
        _abort_of_user(loss.user_id, loss.conversation_id, before=loss.at)
        _abort_without_access(store.uploads_elsewhere(loss.user_id))
        return
    for owner_id in {share.user_id for share in store.all_granted(loss.conversation_id)}:
        abort_in_drive(owner_id)
    files = store.nodes([row.node_id for row in store.everything_in(loss.conversation_id)])
    _abort([each for each in files.values() if each.created_at <= loss.at])


def abort_of_plain_text(loss: PlainTextLost) -> None:
    """Abort uploads of new plain files into a conversation that has become encrypted."""
    files = store.nodes([row.node_id for row in store.everything_in(loss.conversation_id)])
    _abort_without_access(each.id for each in files.values() if each.state == "uploading")


def abort_of_account(loss: AccountLost) -> None:
    """Abort all uploads of a person."""
    _abort_of_user(loss.user_id, None, before=loss.at)
    _abort_those(store.uploads_elsewhere(loss.user_id), lambda _, upload: upload.created_at <= loss.at)


def abort_in_drive(owner_id: str) -> None:
    """Abort the uploads of others into a person's drive which these may no longer complete.

    Of more than `AT_ONCE` uploads, which somebody may have begun in order to delay this, the sweep ends the rest.
    """
    file_ids = store.uploads_of_others(owner_id)
    _abort_without_access(file_ids[:AT_ONCE])
    if len(file_ids) > AT_ONCE:
        due_store.put_task(item_store.uploads_into(owner_id), REST, due_at=clock.now())


def abort_rest(list_id: str) -> None:
    """Do the task of the sweep that `abort_in_drive` has left."""
    _abort_without_access(store.uploads_of_others(item_store.owner_of_uploads(list_id)))


def _abort_without_access(file_ids: Iterable[str]) -> None:
    _abort_those(file_ids, lambda found, upload: not access.may_still_upload(found, upload))


def _abort_those(file_ids: Iterable[str], ends: Callable[[NodeAccess, PendingUpload], bool]) -> None:
    """Abort the uploads of these files for which `ends` holds, if they still wait for bytes."""

    def ending(file_id: str) -> PendingUpload | None:
        found = store.node_access(file_id)
        if found is None or found.upload is None or found.upload.state != "uploading":
            return None
        return found.upload if ends(found, found.upload) else None

    for upload in parallel.mapped(ending, file_ids):
        if upload is not None:  # one after the other, as all change the owner's usage
            _abort_one(upload.user_id, upload.file_id)


def _abort_of_user(user_id: str, conversation_id: str | None, *, before: int) -> None:
    oldest = clock.now() - ABANDONED_AFTER_MS
    recent = [each for at, each in store.owned(user_id, before=None, limit=_LATEST) if at > oldest]
    files = [each for each in store.nodes(recent).values() if conversation_id in (None, each.conversation_id)]
    _abort([each for each in files if each.owner_id == user_id and each.created_at <= before])


def _abort(files: Iterable[Node]) -> None:
    for node in files:
        if node.state == "uploading":
            _abort_one(node.owner_id, node.id)


def _abort_one(user_id: str, file_id: str) -> None:
    with suppress(Conflict, NotFound):  # ended meanwhile
        transfers.abort(caller=Caller(user_id, ""), file_id=file_id)
