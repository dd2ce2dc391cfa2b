"""Erasure of a deleted conversation: follow-up work in steps that can be interrupted, repeated and resumed.

Memberships are erased first, so that nobody's list contains the conversation any more, then the data of each domain in
the order of `ports.erasers`, and finally the conversation's own records. A group whose creation was never completed is
erased in the same way.
"""

from __future__ import annotations

from typing import Any

from conversations import ports, record_store, store
from kernel import after_commit, telemetry
from kernel.after_commit import FollowUp, Work

ERASE_CONVERSATION = "erase_conversation"
MEMBERS, ITSELF = "members", "itself"
MEMBERS_PER_STEP = 100


def of_conversation(conversation_id: str) -> FollowUp:
    """The follow-up work of a conversation's deletion."""
    return FollowUp.of(ERASE_CONVERSATION, {"conversation_id": conversation_id, "step": MEMBERS, "cursor": None})


def _erase(work: Work) -> Work | None:
    """Do one step; returns the remaining work. Does nothing to a conversation that exists."""
    conversation_id, step = work["conversation_id"], work["step"]
    if store.info(conversation_id) is not None:
        return None
    erasers = {each.name: each.erase for each in ports.erasers()}
    steps = {MEMBERS: _erase_members, **erasers, ITSELF: record_store.erase_parts}
    cursor = steps[step](conversation_id, work["cursor"])
    if cursor is not None:
        return {**work, "cursor": cursor}
    following = [*steps, None][list(steps).index(step) + 1]
    if following is None:
        telemetry.count("ConversationsErased")
        return None
    return {**work, "step": following, "cursor": None}


def _erase_members(conversation_id: str, _cursor: Any) -> Any:
    """Erase some members, after the domains' data of them; the last member's id if there may be more, else None."""
    user_ids = [each.user_id for each in store.members_page(conversation_id, after=None, limit=MEMBERS_PER_STEP)]
    for eraser in ports.erasers():
        if eraser.erase_of_members is not None:
            eraser.erase_of_members(conversation_id, user_ids)
    record_store.erase_members(conversation_id, user_ids)
    return user_ids[-1] if len(user_ids) == MEMBERS_PER_STEP else None


after_commit.register(ERASE_CONVERSATION, _erase)
