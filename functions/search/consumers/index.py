"""The consumer of search's queue: keeps the index of messages up to date."""

from __future__ import annotations

import search.events  # noqa: F401 - the subscriptions
from kernel.consumers import all_messages
from log import api as log

handler = all_messages("search.index", log.deliver("search"))
