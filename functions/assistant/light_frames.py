"""The socket's frame that cancels AI help, apart from the schemas of answers, which load those of messages."""

from kernel.frames import Frame
from kernel.schema import Id


class CancelRequest(Frame):
    request_id: Id
