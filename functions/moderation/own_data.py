"""What moderation holds on a person, for an export: what they have reported, without what others wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kernel import clock
from moderation import store


def reports(user_id: str) -> Iterator[dict[str, Any]]:
    """The person's reports. Reports about them stay with those who decide, for their reporters' sake."""
    for each in store.made_by(user_id):
        yield {
            "id": each.id,
            "conversation_id": each.conversation_id,
            "message_id": each.message_id,
            "reason": each.reason,
            "state": each.state,
            "reported_at": clock.rfc3339(each.reported_at),
        }
