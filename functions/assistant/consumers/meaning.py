"""The consumer of the queue of meaning: keeps that index up to date; deployed only where it is on."""

from __future__ import annotations

import assistant.events  # noqa: F401 - what it subscribes to
from kernel.consumers import all_messages
from log import api as log

handler = all_messages("assistant.meaning", log.deliver("meaning"))
