"""`$default`: a frame without a known action is answered by an error frame; the socket stays open."""

from kernel.websocket import unknown_action as handler

__all__ = ["handler"]
