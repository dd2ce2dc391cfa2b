"""What sockets tell of themselves, and the jobs that deliver and close."""

from __future__ import annotations

from log.api import EventType, register
from realtime.jobs import Job, register_job
from realtime.schemas import Pong, Reconnect, SessionRevoked


def _hint(job: Job) -> None:
    from realtime import service

    service.resync_hint([(user, connection) for user, connection in job["targets"]], turn=job.get("turn", 0))


def _close(job: Job) -> None:
    from realtime import service

    service.close_again(job["connection_ids"])


register(
    EventType("pong", data=Pong, durable=False),
    EventType("reconnect", data=Reconnect, durable=False),
    EventType("session.revoked", data=SessionRevoked, durable=False),
)
register_job("hint", _hint)
register_job("close", _close)
