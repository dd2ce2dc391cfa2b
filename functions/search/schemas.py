"""Search: what comes in and what goes out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from conversations.schemas import Message
from kernel.schema import Output, Paging, Text
from search.model import MAX_QUERY_CHARS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _instant(value: Any) -> int:
    """An RFC 3339 time, or a date, which stands for its beginning in UTC, as milliseconds."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ValueError("an RFC 3339 time or a date") from error
    if moment.tzinfo is None:
        if len(value) > len("2026-11-22"):
            raise ValueError("a time with its zone")
        moment = moment.replace(tzinfo=UTC)
    if moment < _EPOCH:
        raise ValueError("a time after 1970")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


Id = Annotated[str, Field(min_length=1, max_length=40)]
Moment = Annotated[
    int, BeforeValidator(_instant, json_schema_input_type=str), Field(json_schema_extra={"format": "date-time"})
]


class SearchQuery(Paging):
    """`q`: words, all of which have to begin a word of the message; `has:file` in it is a filter."""

    q: Annotated[Text, Field(max_length=MAX_QUERY_CHARS)] = ""
    conversation_id: Id | None = None
    sender_id: Id | None = Field(default=None, alias="from")
    before: Moment | None = None
    has: Literal["file"] | None = None


class FoundMessage(Message):
    kind: Literal["message"]


class Results(Output):
    items: list[FoundMessage]
    next_cursor: str | None
