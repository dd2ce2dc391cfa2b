"""The socket's frame that cancels AI help, apart from the schemas of answers, which load those of messages."""

from kernel.schema import Id
from kernel.websocket import Frame


class CancelRequest(Frame):
    request_id: Id
