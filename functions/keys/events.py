"""What people are told about keys: on their sockets, and as events of conversations."""

from __future__ import annotations

import json
from typing import Any

from kernel import clock, telemetry
from keys.model import Claimed, LogEntry, Welcome
from realtime import service as realtime
from users import service as users

KEYS_CHANGED = "keys.changed"
KEYS_LOW = "keys.low"
MLS_WELCOME = "mls.welcome"


def _frame(kind: str, data: Any) -> str:
    return json.dumps({"type": kind, "at": clock.rfc3339(clock.now()), "data": data})


def keys_changed(entry: LogEntry) -> None:
    """Tell a person's devices and contacts what the key log says. Never raises: the log is the truth."""
    try:
        people = [entry.user_id, *users.contact_ids(entry.user_id)]
        realtime.publish([_frame(KEYS_CHANGED, entry.as_shown())], people)
    except Exception as error:  # it is a hint; the key is changed, and who asks the log sees it
        telemetry.logger().error("keys.changed was not published", exc_info=error)


def welcome_waits(welcome: Welcome) -> None:
    """Tell a device that a Welcome waits for it. Never raises."""
    data = {
        "id": welcome.id,
        "conversation_id": welcome.conversation_id,
        "device_id": welcome.device_id,
        "epoch": welcome.epoch,
    }
    try:
        realtime.publish([_frame(MLS_WELCOME, data)], [welcome.user_id])
    except Exception as error:  # it is a hint; a device asks for its Welcomes whenever it starts
        telemetry.logger().error("mls.welcome was not published", exc_info=error)


def keys_low(claimed: Claimed) -> None:
    """Tell a device's owner that it should leave more packages. Never raises."""
    data = {"device_id": claimed.device_id, "available": claimed.left}
    try:
        realtime.publish([_frame(KEYS_LOW, data)], [claimed.user_id])
    except Exception as error:  # it is a hint; a device asks how many it has whenever it starts
        telemetry.logger().error("keys.low was not published", exc_info=error)
