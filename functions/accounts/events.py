"""The job of accounts: marking ended sessions in Redis after it was unavailable."""

from __future__ import annotations

from realtime.api import calling, register_job

SESSION_ENDED = "session_ended"
register_job(SESSION_ENDED, calling("accounts.session_ends.remember", "session_ids", "until"), queue="sockets")
