"""Frames of the socket about messages that no message is made of or answered with, and what routes share with them.

They are apart from the schemas of messages, which those of files and polls belong to: who types or reads need not load
them all.
"""

from typing import Annotated

from pydantic import Field

from kernel.frames import Frame
from kernel.schema import Count, Id, Input, Opaque, Output


class ReadMarker(Input):
    seq: Count


class Typing(Input):
    typing: bool


class ReadState(Output):
    read_seq: int
    unread_count: int


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
