"""Erasing what a conversation was: follow-up work of its deletion, in steps that may be stopped, repeated and resumed.

First its members go, so that it is read with nobody's list any more, then what each domain keeps of it, in the order
of `ports.erasers`, and last its own parts. A new group that was never finished is erased in the same way.
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
    """What has to follow the end of a conversation."""
    return FollowUp.of(ERASE_CONVERSATION, {"conversation_id": conversation_id, "step": MEMBERS, "cursor": None})


def _erase(work: Work) -> Work | None:
    """One step; returns what is left. Nothing is done to a conversation that goes on."""
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
    """Some members, after what domains keep of them here; the last one's id while there may be more."""
    user_ids = [each.user_id for each in store.members_page(conversation_id, after=None, limit=MEMBERS_PER_STEP)]
    for eraser in ports.erasers():
        if eraser.erase_of_members is not None:
            eraser.erase_of_members(conversation_id, user_ids)
    record_store.erase_members(conversation_id, user_ids)
    return user_ids[-1] if len(user_ids) == MEMBERS_PER_STEP else None


after_commit.register(ERASE_CONVERSATION, _erase)
