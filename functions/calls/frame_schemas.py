"""Frames of the socket about calls."""

from calls.schemas import SignalFields
from kernel.frames import Frame
from kernel.schema import Id


class SendSignal(Frame, SignalFields):
    call_id: Id


class CallHeartbeat(Frame):
    call_id: Id
