"""The fan-out function: takes the jobs of its queues, as every domain has registered them."""

from __future__ import annotations

import composition  # noqa: F401 - the jobs of all domains
from kernel.consumers import all_messages
from realtime import fanout

handler = all_messages("realtime.fanout", fanout.handle)
