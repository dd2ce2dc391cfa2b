"""The consumer of the queue by which notifications follow conversations: tells people of what is new in them."""

from __future__ import annotations

import notifications.events  # noqa: F401 - what it subscribes to
from kernel.consumers import all_messages
from log import api as log

handler = all_messages("notifications.follow", log.deliver("follow"))
