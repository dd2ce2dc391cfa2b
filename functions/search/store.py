"""The search index in DynamoDB: one item per message with its words, sorted by time.

A conversation's items are read newest first and filtered by DynamoDB (decision "search"). The index is derived from the
log and can be rebuilt from it at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition

from kernel import clock
from kernel.dynamo import Record
from kernel.records import IntegerAttribute
from search.model import ParsedQuery

FIRST_PAGE_ITEMS = 1_000  # most searches end here
LAST_MOMENT = 10**13 - 1  # the year 2286: times of 13 digits sort as texts
PAGE_ITEMS = 10_000  # or one megabyte, whichever comes first


class WordsRecord(Record, table="search"):
    conversation_id = UnicodeAttribute(hash_key=True)
    moment = UnicodeAttribute(range_key=True)
    words = UnicodeAttribute(null=True)
    sender_id = UnicodeAttribute()
    has_file = BooleanAttribute(null=True)
    expires_at = IntegerAttribute(null=True)


@dataclass(frozen=True, slots=True)
class Words:
    """The index item of a message; `at` and `expires_at` in ms."""

    conversation_id: str
    seq: int
    at: int
    sender_id: str
    words: str
    has_file: bool
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class ScannedPage:
    """A page of a conversation's index: (time, seq) of the matches, newest first, and of the last item scanned, None at
    the end."""

    matching: Sequence[tuple[int, int]]
    scanned_to: tuple[int, int] | None


def _sort_key(at: int, seq: int) -> str:
    return f"{at:013d}.{seq:010d}"


def _parsed(sort_key: str) -> tuple[int, int]:
    at, _, seq = sort_key.partition(".")
    return int(at), int(seq)


def write(found: Iterable[Words], gone: Iterable[tuple[str, int, int]]) -> None:
    """Put and delete items, the latter by (conversation, time, seq): 25 items a round trip."""
    with WordsRecord.batch_write() as batch:
        for each in found:
            batch.save(
                WordsRecord(
                    each.conversation_id,
                    _sort_key(each.at, each.seq),
                    words=each.words or None,
                    sender_id=each.sender_id,
                    has_file=each.has_file or None,
                    # DynamoDB's TTL, in whole seconds, should nobody else delete the item
                    expires_at=None if each.expires_at is None else -(-each.expires_at // clock.SECOND),
                )
            )
        for conversation_id, at, seq in gone:
            batch.delete(WordsRecord(conversation_id, _sort_key(at, seq)))


def scan_page(conversation_id: str, query: ParsedQuery, *, below: tuple[int, int] | None) -> ScannedPage:
    """One page of a conversation's index, from below (time, seq) or from the newest item, in one round trip."""
    first = below is None
    bounds = [] if below is None else [_sort_key(*below)]
    if query.before is not None:
        bounds.append(f"{min(max(query.before, 0), LAST_MOMENT):013d}")
    answer = WordsRecord._get_connection().query(
        conversation_id,
        range_key_condition=WordsRecord.moment < min(bounds) if bounds else None,
        filter_condition=_filter(query),
        attributes_to_get=["moment"],
        limit=FIRST_PAGE_ITEMS if first else PAGE_ITEMS,
        scan_index_forward=False,
    )
    last: dict[str, Any] | None = answer.get("LastEvaluatedKey")
    matching = [_parsed(item["moment"]["S"]) for item in answer["Items"]]
    return ScannedPage(matching, None if last is None else _parsed(last["moment"]["S"]))


def _filter(query: ParsedQuery) -> Condition | None:
    conditions: list[Condition] = [WordsRecord.words.contains(part) for part in query.parts]
    if query.sender_id is not None:
        conditions.append(WordsRecord.sender_id == query.sender_id)
    if query.has_file:
        conditions.append(WordsRecord.has_file == True)  # noqa: E712 - a condition in the making
    whole = None
    for condition in conditions:
        whole = condition if whole is None else whole & condition
    return whole


def erase(conversation_id: str, _cursor: Any = None) -> bool | None:
    """Delete up to 1,000 items of a deleted conversation; True if there may be more, else None."""
    return True if WordsRecord.delete_found(conversation_id, limit=FIRST_PAGE_ITEMS) == FIRST_PAGE_ITEMS else None
