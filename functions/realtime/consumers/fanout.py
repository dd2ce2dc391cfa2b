"""The fan-out function: runs the jobs of its queues with the handlers that the domains have registered."""

from __future__ import annotations

import composition  # noqa: F401 - the jobs of all domains
from kernel.consumers import all_messages
from realtime import fanout

handler = all_messages("realtime.fanout", fanout.handle)
