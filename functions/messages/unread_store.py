"""Counting messages in the log for unread counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.expressions.condition import Condition

from conversations.model import Member
from kernel import clock
from log.api import EventRecord, not_deleted
from log.model import MESSAGE_CREATED


@dataclass(frozen=True, slots=True)
class Counted:
    """The number of messages, and the ids mentioned by each message with mentions."""

    count: int
    mentioned: Sequence[frozenset[str]]


@dataclass(frozen=True, slots=True)
class CountedMessage:
    """The fields of an undeleted message that counting needs."""

    seq: int
    actor_id: str
    mentioned: frozenset[str]


def _is_counted() -> Condition:
    condition: Condition = (EventRecord.type == MESSAGE_CREATED) & not_deleted(clock.now())
    return condition


def count(reader: Member, *, first: int, last: int) -> Counted:
    """Messages of others in first…last that stand undeleted; only their mentions are sent over, and who mentions where
    the reader does not hear of everybody."""
    condition = _is_counted() & (EventRecord.actor_id != reader.user_id)
    fields = ["mentioned", "actor_id"] if reader.apart else ["mentioned"]
    pages = list(_pages(reader.conversation_id, first, last, condition, fields))
    mentioned = [
        _names(item)
        for page in pages
        for item in page["Items"]
        if item and ("actor_id" not in item or reader.receives("mention", item["actor_id"]["S"]))
    ]
    return Counted(sum(page["Count"] for page in pages), mentioned)


def undeleted(conversation_id: str, *, first: int, last: int) -> list[CountedMessage]:
    """The messages in first…last that stand undeleted."""
    return [
        CountedMessage(int(item["seq"]["N"]), item["actor_id"]["S"], _names(item))
        for page in _pages(conversation_id, first, last, _is_counted(), ["seq", "actor_id", "mentioned"])
        for item in page["Items"]
    ]


def _pages(
    conversation_id: str, first: int, last: int, condition: Condition, fields: list[str]
) -> Iterator[dict[str, Any]]:
    """Some fields of events, raw: a record for each would take most of the time of a count."""
    start: dict[str, Any] | None = None
    while True:
        page: dict[str, Any] = EventRecord._get_connection().query(
            conversation_id,
            range_key_condition=EventRecord.seq.between(first, last),
            filter_condition=condition,
            attributes_to_get=fields,
            consistent_read=True,
            exclusive_start_key=start,
        )
        yield page
        start = page.get("LastEvaluatedKey")
        if not start:
            return


def _names(item: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(item.get("mentioned", {}).get("SS", ()))
