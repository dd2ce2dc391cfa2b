"""The consumer of the queue of losses: ends what depended on a right that somebody has lost (log.losses)."""

from __future__ import annotations

import composition  # noqa: F401 - the registrations of all domains
from kernel.consumers import Message, each_message
from log import losses, subscriptions

_deliver_events = subscriptions.deliver(losses.LOSSES)


def _handle(message: Message) -> None:
    if "lost" in message:
        losses.handle_loss(losses.parse(message))
    else:
        _deliver_events([message])  # an event that begins or ends a membership


handler = each_message("log.losses", _handle)
