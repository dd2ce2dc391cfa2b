"""The push queue's consumer: sends pushes to devices through their providers."""

from __future__ import annotations

from kernel.config import config
from kernel.consumers import Message, each_message
from notifications import pushing
from notifications.pushing import PushJob


def _handle(job: Message) -> None:
    pushing.push(PushJob(**job))


handler = each_message("notifications.push", _handle, queue_url=lambda: config().push_queue_url)
