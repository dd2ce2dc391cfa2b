"""`$default`: whatever matches no action gets an error frame, never a closed socket."""

from kernel.websocket import unknown_action as handler

__all__ = ["handler"]
