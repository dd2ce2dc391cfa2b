"""Conversations for tests, and short names for what people do in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations import members, service, store, sync
from conversations.model import Member
from kernel.caller import Caller
from log import api as log
from log.model import Event
from messages import service as messages
from messages.schemas import MessageFields
from realtime import service as realtime
from realtime.consumers import fanout
from tests.helpers import CONTEXT
from tests.tools import caller, jobs, queue_event, rows


def people(*usernames: str) -> list[Caller]:
    """New people of these names."""
    return [caller(username) for username in usernames]


def open_socket(who: Caller, name: str = "") -> Caller:
    """Open a socket of this name, or of its person's id; returns the caller on it."""
    device = Caller(who.user_id, who.session_id, name or who.user_id)
    realtime.open_connection(device)
    return device


def group(owner: Caller, *others: Caller, settings: Mapping[str, Any] | None = None, name: str = "Tea") -> str:
    """A new group's id; its fan-out jobs are taken out."""
    made, _ = service.create(
        caller=owner,
        kind="group",
        member_ids=[other.user_id for other in others],
        name=name,
        description=None,
        settings=settings or {},
    )
    jobs()
    return str(made["id"])


def direct(one: Caller, other: Caller) -> str:
    """The id of the direct conversation of two people, which is made if there is none."""
    made, _ = service.create(
        caller=one, kind="direct", member_ids=[other.user_id], name=None, description=None, settings={}
    )
    return str(made["id"])


def send(
    who: Caller, conversation_id: str, text: str = "hello", *, client_id: str = "", **fields: Any
) -> dict[str, Any]:
    """Send a message; the client_id is the text unless given."""
    message, _ = say(who, conversation_id, text, client_id=client_id, **fields)
    return message


def say(
    who: Caller, conversation_id: str, text: str | None = "hello", *, client_id: str = "", **fields: Any
) -> tuple[dict[str, Any], bool]:
    """Send a message; returns it and whether it is new."""
    body = MessageFields(client_id=client_id or str(text), text=text, **fields)
    return messages.send(caller=who, conversation_id=conversation_id, message=body.message())


def add(who: Caller, conversation_id: str, *others: Caller) -> tuple[list[str], list[str]]:
    """Add people to a group: who was added and who skipped."""
    user_ids = [other.user_id for other in others]
    return members.add(caller=who, conversation_id=conversation_id, user_ids=user_ids)


def remove(who: Caller, conversation_id: str, other: Caller) -> None:
    members.remove(caller=who, conversation_id=conversation_id, user_id=other.user_id)


def place_of(who: Caller, conversation_id: str) -> Member:
    """Somebody's membership; they must have one."""
    found = store.member(conversation_id, who.user_id)
    assert found is not None
    return found


def whole_log(conversation_id: str) -> list[Event]:
    """Every event of a conversation as stored."""
    return log.events(conversation_id, 1, 10_000)


def work(*given: dict[str, Any]) -> None:
    """Have these fan-out jobs done, or those that wait, whatever their delay."""
    assert fanout.handler(queue_event(*(given or jobs())), CONTEXT) == {"batchItemFailures": []}


def seen(who: Caller, conversation_id: str, *, after: int = 0) -> list[dict[str, Any]]:
    """Every event that somebody may see, page by page."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = sync.events(caller=who, conversation_id=conversation_id, after=after, limit=7, page=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def recount_unread(who: Caller, conversation_id: str) -> int:
    """The messages of others that stand undeleted behind the read marker, counted in the table itself."""
    member = place_of(who, conversation_id)
    first = max(member.read_seq + 1, member.visible_from)
    return sum(
        1
        for row in rows("events")
        if row["conversation_id"] == conversation_id
        and row["type"] == "message.created"
        and row["actor_id"] != who.user_id
        and row["seq"] >= first
        and "deleted_at" not in row
    )


def caller_again(who: Caller) -> Caller:
    """The same person on another device."""
    from accounts.sessions import service as sessions
    from kernel.transactions import Transaction

    transaction = Transaction()
    tokens = sessions.stage_new(transaction, user_id=who.user_id, device_name="another", ip="203.0.113.7")
    transaction.commit()
    return Caller(who.user_id, tokens.session_id)
