"""The history of a message's edits."""

from __future__ import annotations

from conversations.api import ContextLoader, require_id
from kernel.caller import Caller
from kernel.errors import Forbidden
from kernel.paging import Page, Paginator
from messages.changes import history_store
from messages.changes.history_store import EarlierVersion


def list_versions(
    *, caller: Caller, conversation_id: str, message_id: str, limit: int, after: str | None
) -> Page[EarlierVersion]:
    """The earlier texts of a message, oldest first, at most 50; none of a deleted one. For its sender and admins."""
    seen = ContextLoader(messages=[message_id])
    context = seen(require_id(conversation_id), caller.user_id)
    message = seen.message(context, message_id)
    if message.actor_id != caller.user_id and not context.member.is_admin:
        raise Forbidden("Only its sender, the owner and admins may see what a message said before.")
    paging = Paginator(after, caller.user_id, "edits", conversation_id, message_id)
    unedited = message.deleted_at is not None or message.edits == 0
    found = [] if unedited else history_store.earlier(conversation_id, message.seq)
    return paging.page_of_all(found, limit, lambda each: [each.written_at, each.part], list)
