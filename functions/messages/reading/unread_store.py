"""Counting messages in the log for unread counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.expressions.condition import Condition

from conversations.model import Member
from kernel import clock
from kernel.reads import RangeQuery
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


def counter(memberships: Sequence[Member]) -> Callable[[Member, int, int], Counted]:
    """A function that counts for a membership of one person, in first…last, the messages of others that stand
    undeleted.

    Only their mentions are sent over, and who mentions if the person does not hear of everybody somewhere.
    """
    condition = _is_counted() & (EventRecord.actor_id != memberships[0].user_id)
    fields = ["mentioned", "actor_id"] if any(each.apart for each in memberships) else ["mentioned"]
    query = RangeQuery(EventRecord, where=condition, fields=fields)

    def count(reader: Member, first: int, last: int) -> Counted:
        pages = list(query.pages(reader.conversation_id, first, last))
        mentioned = [
            _names(item)
            for page in pages
            for item in page["Items"]
            if item and ("actor_id" not in item or reader.receives("mention", item["actor_id"]["S"]))
        ]
        return Counted(sum(page["Count"] for page in pages), mentioned)

    return count


def undeleted(conversation_id: str, *, first: int, last: int) -> list[CountedMessage]:
    """The messages in first…last that stand undeleted."""
    query = RangeQuery(EventRecord, where=_is_counted(), fields=["seq", "actor_id", "mentioned"])
    return [
        CountedMessage(int(item["seq"]["N"]), item["actor_id"]["S"], _names(item))
        for page in query.pages(conversation_id, first, last)
        for item in page["Items"]
    ]


def _names(item: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(item.get("mentioned", {}).get("SS", ()))
