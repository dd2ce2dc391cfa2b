"""Sweeps overdue follow-up work every minute: work of committed changes that was not done right after them."""

from __future__ import annotations

from typing import Any

import composition  # noqa: F401 - registers every domain's kinds of follow-up work
from accounts import admin_api as accounts
from conversations import api as conversations
from kernel import after_commit, telemetry
from keys import api as keys
from messages import model as messages
from polls import model as polls

PATIENCE_S = 20.0
KINDS = (  # naming them here imports the modules that register them
    accounts.CLOSE_SOCKETS,
    accounts.END_DISOWNED,
    accounts.END_ERASED,
    accounts.END_SESSIONS,
    accounts.AFTER_SIGN_IN,
    accounts.FORGET_CONFIRMATIONS,
    conversations.ERASE_CONVERSATION,
    conversations.NOTE_BLOCK,
    keys.PUBLISH_KEYS_CHANGED,
    messages.FORGET_REACTIONS,
    polls.FORGET_VOTES,
)


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Any event → `{done, failed}`; works for up to 20 s and leaves the rest to the next call."""
    with telemetry.call("operations.follow_ups", context) as line:
        swept = after_commit.sweep(patience_s=PATIENCE_S)
        line.found("FollowUpsDone", swept.done)
        line.found("FollowUpsFailed", swept.failed)
        line.found("FollowUpLag", swept.lag_ms)
        return {"done": swept.done, "failed": swept.failed}
