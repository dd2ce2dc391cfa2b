"""Presence: requests and answers."""

from typing import Annotated

from pydantic import Field

from kernel.frames import Frame
from kernel.schema import Id, Ids, Input, Instant, Name, Opaque, Output, Query
from presence import model
from presence.model import Chosen, Status


class PresenceFields(Input):
    """The presence to set. `until` is the RFC 3339 time at which it ends; by default it lasts until it is changed."""

    status: Chosen
    text: Annotated[Name, Field(min_length=1, max_length=model.MAX_TEXT_CHARS)] | None = None
    until: Annotated[Opaque, Field(max_length=40)] | None = None


class PresenceOut(Output):
    """`offline` also stands for people who are invisible, do not exist, or are blocked; never for oneself."""

    user_id: str
    status: Status
    last_seen_at: Instant | None
    text: str | None


class PresenceList(Output):
    items: list[PresenceOut]


class PresenceQuery(Query):
    """`user_ids`: up to 100, separated by commas or repeated."""

    user_ids: Annotated[Ids, Field(min_length=1, max_length=model.MAX_ASKED)]


class SetPresence(Frame, PresenceFields):
    """`setPresence` on the socket."""


class WatchPresence(Frame):
    """Up to 200 people, those of `conversation_id` (an open conversation, whose members are watched) included."""

    user_ids: Annotated[list[Id], Field(max_length=model.MAX_WATCHED)] = []
    conversation_id: Id | None = None
