"""Frames of the socket that messages are made of."""

from kernel.frames import Frame
from kernel.schema import Id
from messages.schemas import Edit, MessageFields


class SendMessage(Frame, MessageFields):
    conversation_id: Id


class EditMessage(Frame, Edit):
    conversation_id: Id
    message_id: Id
