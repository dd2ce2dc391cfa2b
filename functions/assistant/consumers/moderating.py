"""The consumer of queue `moderation`: reviews messages of groups with that policy; deployed only where enabled."""

from __future__ import annotations

import composition  # noqa: F401 - registers every domain's message and event types
from kernel.consumers import all_messages
from log import api as log

handler = all_messages("assistant.moderation", log.deliver("moderation"))
