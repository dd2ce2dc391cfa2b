"""The data of events about messages that hold no message: who reacted, read or types."""

from kernel.schema import Output


class ReactionEvent(Output):
    message_id: str
    user_id: str
    emoji: str


class Receipt(Output):
    user_id: str
    delivered_seq: int
    read_seq: int


class TypingOut(Output):
    """A person is typing, or has stopped."""

    user_id: str
    typing: bool
