"""People with AI help and their chats, for tests."""

from __future__ import annotations

from typing import Any

from assistant import people, requests, service
from assistant.model import Feature
from kernel.caller import Caller
from tests.integration import rooms
from users import service as users


def switched_on(*callers: Caller) -> None:
    """Enable AI help for these people."""
    for each in callers:
        users.change(user_id=each.user_id, changes={"settings": {"ai_enabled": True}})


def group(owner: Caller, *others: Caller, **settings: Any) -> str:
    """A group with AI help, whose members have it too."""
    switched_on(owner, *others)
    return rooms.group(owner, *others, settings={"ai_enabled": True, **settings})


def say(conversation_id: str, *rows: tuple[Caller, str]) -> list[dict[str, Any]]:
    """Messages, each by somebody."""
    return [
        rooms.send(who, conversation_id, text, client_id=f"{conversation_id[-8:]}-{n}-{text[:20]}")
        for n, (who, text) in enumerate(rows)
    ]


def ask(who: Caller, feature: Feature, **fields: Any) -> dict[str, Any]:
    return service.carry_out(requests.task(who, feature, fields))


def used_tokens(who: Caller) -> int:
    return int(people.get(who.user_id)["budget"]["used_tokens"])
