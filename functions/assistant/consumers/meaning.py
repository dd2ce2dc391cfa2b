"""The consumer of queue `meaning`: keeps the index of embeddings up to date; deployed only where that is enabled."""

from __future__ import annotations

import assistant.events  # noqa: F401 - registers the subscriptions
from kernel.consumers import all_messages
from log import api as log

handler = all_messages("assistant.meaning", log.deliver("meaning"))
