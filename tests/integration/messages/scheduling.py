"""Scheduling messages, and firing them as their machines do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernel import clock
from kernel.caller import Caller
from kernel.errors import Conflict, DependencyUnavailable
from messages.consumers import send_scheduled
from messages.schemas import MessageFields
from messages.unsent import scheduled
from tests.helpers import CONTEXT
from tests.integration import rooms
from tests.tools import rows

Advance = Callable[[int], None]
MINUTE = clock.MINUTE


def later(who: Caller, context: str, text: str = "later", *, in_ms: int = MINUTE, **fields: Any) -> dict[str, Any]:
    kept, _ = schedule(who, context, text, in_ms=in_ms, **fields)
    return kept


def schedule(
    who: Caller, context: str, text: str | None, *, in_ms: int = MINUTE, client_id: str = "", **fields: Any
) -> tuple[dict[str, Any], bool]:
    body = MessageFields(client_id=client_id or str(text), text=text, **fields)
    return scheduled.schedule(caller=who, conversation_id=context, fields=body, send_at=clock.now() + in_ms)


def fire(who: Caller, kept: dict[str, Any]) -> bool:
    """What the machine does at the time."""
    about = {"user_id": who.user_id, "conversation_id": kept["conversation_id"], "scheduled_id": kept["id"]}
    done: bool = send_scheduled.handler(about, CONTEXT)["done"]
    return done


def texts(context: str) -> list[str | None]:
    return [event.text for event in rooms.whole_log(context) if event.is_message]


def listed(who: Caller, context: str) -> list[tuple[str, str, str | None]]:
    page = scheduled.list_scheduled(caller=who, conversation_id=context, limit=100, page=None)
    return [(item["text"], item["state"], item["reason"]) for item in page.items]


def pending(who: Caller) -> int:
    return sum(int(row["pending"]) for row in rows("scheduled") if row["entry"] == "count")


def tolerant(do: Callable[[], bool]) -> bool | None:
    try:
        return do()
    except (Conflict, DependencyUnavailable):
        return None  # the machine tries again
