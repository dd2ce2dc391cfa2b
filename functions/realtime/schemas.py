"""Frames of the socket and its tickets."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from calls.schemas import SignalFields
from kernel.schema import Id, Opaque, Output
from kernel.websocket import Frame
from messages.schemas import Edit, MessageFields, ReadMarker, Typing
from polls.schemas import Ballot
from presence.model import MAX_WATCHED
from presence.schemas import PresenceFields


class TicketOut(Output):
    """`reconnect_spread_ms`: over how long to spread the first reconnect after a socket is lost (R15)."""

    ticket: str
    url: str
    expires_in: int
    reconnect_spread_ms: int


class SendMessage(Frame, MessageFields):
    conversation_id: Id


class EditMessage(Frame, Edit):
    conversation_id: Id
    message_id: Id


class DeleteMessage(Frame):
    conversation_id: Id
    message_id: Id


class React(Frame):
    """`remove` takes the reaction back."""

    conversation_id: Id
    message_id: Id
    emoji: Annotated[Opaque, Field(min_length=1, max_length=32)]
    remove: bool = False


class MarkRead(Frame, ReadMarker):
    conversation_id: Id


class SetTyping(Frame, Typing):
    conversation_id: Id


class Vote(Frame, Ballot):
    poll_id: Id


class SetPresence(Frame, PresenceFields):
    pass


class WatchPresence(Frame):
    """Up to 200 people, those of `conversation_id` (an open conversation, whose members are watched) included."""

    user_ids: Annotated[list[Id], Field(max_length=MAX_WATCHED)] = []
    conversation_id: Id | None = None


class SendSignal(Frame, SignalFields):
    call_id: Id


class CallHeartbeat(Frame):
    call_id: Id


Cursors = Annotated[dict[Id, Annotated[int, Field(ge=0)]], Field(max_length=1_000)]


class Sync(Frame):
    cursors: Cursors


class Ping(Frame):
    """With `cursors`, the pong names the conversations that have moved on."""

    cursors: Cursors = {}
