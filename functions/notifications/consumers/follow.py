"""The consumer of queue `follow`: notifies people of new events in conversations."""

from __future__ import annotations

import notifications.events  # noqa: F401 - registers the subscriptions
from kernel.consumers import all_messages
from log import api as log

handler = all_messages("notifications.follow", log.deliver("follow"))
