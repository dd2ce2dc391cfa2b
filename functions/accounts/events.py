"""The job of accounts: marking ended sessions in Redis after it was unavailable."""

from __future__ import annotations

from kernel.late import late
from kernel.personal_data import register_personal
from realtime.api import calling, register_job

SESSION_ENDED = "session_ended"
register_job(SESSION_ENDED, calling("accounts.sessions.session_ends.remember", "session_ids", "until"), queue="sockets")
register_personal("passkeys", late("accounts.own_data.passkeys"))
