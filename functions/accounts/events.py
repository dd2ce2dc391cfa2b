"""The job of accounts: having an end of sessions remembered that Redis did not take at once."""

from __future__ import annotations

from realtime.api import Job, register_job

SESSION_ENDED = "session_ended"


def _session_ended(job: Job) -> None:
    from accounts import session_ends

    session_ends.remember(job["session_ids"], until=job["until"])


register_job(SESSION_ENDED, _session_ended, queue="sockets")
