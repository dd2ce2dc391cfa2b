"""The job of accounts: marking ended sessions in Redis after it was unavailable."""

from __future__ import annotations

from realtime.api import Job, register_job

SESSION_ENDED = "session_ended"


def _session_ended(job: Job) -> None:
    from accounts import session_ends

    session_ends.remember(job["session_ids"], until=job["until"])


register_job(SESSION_ENDED, _session_ended, queue="sockets")
