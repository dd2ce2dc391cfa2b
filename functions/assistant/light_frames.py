"""The frame of the socket about AI help, apart from the schemas of answers, which those of messages belong to."""

from kernel.schema import Id
from kernel.websocket import Frame


class CancelRequest(Frame):
    request_id: Id
