"""The in-app list on its owner's live sockets: an item that is new, or that was read with all older ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kernel.schema import as_json
from notifications import schemas
from notifications.events import NOTIFICATION
from realtime import api as realtime


def publish(item: Mapping[str, Any], user_id: str) -> None:
    """Publish an item, as its owner sees it, to the owner's sockets."""
    realtime.publish([_frame(as_json(schemas.Notification, item))], [user_id])


def _frame(data: Mapping[str, Any]) -> str:
    conversation_id = data.get("conversation_id")
    event = {
        "type": NOTIFICATION,
        **({} if conversation_id is None else {"conversation_id": conversation_id}),
        "at": data["at"],
        "data": data,
    }
    return json.dumps(event)
