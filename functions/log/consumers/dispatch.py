"""The consumer of the event table's stream: puts changes into the queues of their subscribers."""

from __future__ import annotations

import composition  # noqa: F401 - the subscriptions of all domains
from kernel.consumers import all_changes
from log import subscriptions

handler = all_changes("log.dispatch", "conversation_id", subscriptions.dispatch)
