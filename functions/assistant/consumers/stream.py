"""Streamed answers: takes requests from their queue and writes the pieces to the sockets of who asked."""

from __future__ import annotations

from typing import Any

from accounts import session_api as accounts
from assistant import requests
from kernel.consumers import each_message


def _handle(message: dict[str, Any]) -> None:
    if accounts.is_live(message["user_id"], message["session_id"]):  # a session that has ended asks nothing (R52)
        requests.carry_out(message)


handler = each_message("assistant.stream", _handle)
