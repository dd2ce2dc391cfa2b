"""The consumer of the queue of losses: ends what stood on a right that somebody has lost (log.losses)."""

from __future__ import annotations

import composition  # noqa: F401 - what all domains have registered
from kernel.consumers import Message, each_message
from log import losses, subscriptions

_of_the_log = subscriptions.deliver(losses.LOSSES)


def _handle(message: Message) -> None:
    if "lost" in message:
        losses.carry_out(losses.told(message))
    else:
        _of_the_log([message])  # an event that takes or gives a membership


handler = each_message("log.losses", _handle)
