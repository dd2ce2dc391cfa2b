"""The consumer of the queue of streamed requests: publishes answers to the sockets of their callers."""

from __future__ import annotations

from typing import Any

from accounts import session_api as accounts
from assistant import requests
from kernel.consumers import each_message


def _handle(message: dict[str, Any]) -> None:
    if accounts.is_live(message["user_id"], message["session_id"]):  # requests end with their session (R52)
        requests.carry_out(message)


handler = each_message("assistant.stream", _handle)
