"""Search: requests and answers."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from drive.schemas import File
from kernel import clock
from kernel.schema import Id, Output, Paging, SearchText
from messages.schemas import Message
from search.model import MAX_QUERY_CHARS


def _moment(text: Any) -> int:
    """The time in ms of an RFC 3339 time with a zone, or of the beginning of a date in UTC."""
    if not isinstance(text, str) or len(text) > 40:
        raise ValueError("must be an RFC 3339 time or a date")
    return clock.parse(f"{text}T00:00:00Z" if len(text) == len("2026-11-22") else text)


Moment = Annotated[
    int, BeforeValidator(_moment, json_schema_input_type=str), Field(json_schema_extra={"format": "date-time"})
]


class SearchQuery(Paging):
    """`q`: words, all of which have to begin a word of the message; `has:file` in it is a filter."""

    q: Annotated[SearchText, Field(max_length=MAX_QUERY_CHARS)] = ""
    conversation_id: Id | None = None
    sender_id: Id | None = Field(default=None, alias="from")
    before: Moment | None = None
    has: Literal["file"] | None = None


class FoundMessage(Message):
    kind: Literal["message"]


class FoundFile(File):
    """Its thumbnail comes with the file itself."""

    kind: Literal["file"]


class Results(Output):
    items: list[Annotated[FoundMessage | FoundFile, Field(discriminator="kind")]]
    next_cursor: str | None
