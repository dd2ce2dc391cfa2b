"""The one module that knows every domain: whoever imports it can show, append, fan out and dispatch what any tells.

Each domain's `events` is light; what it names is imported when it is first needed. A function that needs the events of
one domain only imports that domain's.
"""

# ruff: noqa: F401 - importing registers
from __future__ import annotations

import accounts.events
import assistant.events
import calls.events
import conversations.events
import drive.events
import invitations.events
import keys.events
import messages.events
import moderation.events
import notifications.events
import polls.events
import presence.events
import realtime.events
import search.events
