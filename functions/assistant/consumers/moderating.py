"""The consumer of the queue of moderation: looks at messages for groups that want it; deployed only where it is on."""

from __future__ import annotations

import composition  # noqa: F401 - what messages hold is shown to admins by its domain
from kernel.consumers import all_messages
from log import api as log

handler = all_messages("assistant.moderation", log.deliver("moderation"))
