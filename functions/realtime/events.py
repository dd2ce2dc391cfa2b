"""Registers the frames of sockets (pong, reconnect, session.revoked) and the jobs of delivery and closing."""

from __future__ import annotations

from log.api import EventType, register
from realtime.jobs import FRAMES, Job, calling, do, register_job


def _frames(job: Job) -> None:
    from realtime import fanout

    fanout.handle([job])


def _gone(job: Job) -> None:
    """Pass the loss of a person's last socket to the domain that registered the job `presence`."""
    do({"kind": "presence", "user_id": job["user_id"], "was": None})


def _hint(job: Job) -> None:
    from realtime import delivery

    delivery.resync_hint([(user, connection) for user, connection in job["targets"]], turn=job.get("turn", 0))


register(
    EventType("pong", data="realtime.schemas.Pong", durable=False),
    EventType("reconnect", data="realtime.schemas.Reconnect", durable=False),
    EventType("session.revoked", data="realtime.schemas.SessionRevoked", durable=False),
)
for _kind in FRAMES:
    register_job(_kind, _frames, queue="fanout")
register_job("gone", _gone, queue="presence")
register_job("hint", _hint, queue="sockets")
register_job("close", calling("realtime.service.retry_close", "connection_ids", "turn"), queue="sockets")
register_job(
    "close_sessions",
    calling("realtime.service.close_sessions", "user_id", "session_ids", "reason", "turn"),
    queue="sockets",
)
