"""Whether sessions are live and accounts banned, for other domains.

Apart from `api`, so that opening sockets loads no keyrings.
"""

from __future__ import annotations

from accounts.sessions.liveness import is_live, is_live_by_table, keeps_device
from accounts.sessions.session_store import live_sessions_among
from accounts.store import is_banned
