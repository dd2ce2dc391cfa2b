"""Sockets as other domains use them: telling people something, and who is there."""

from __future__ import annotations

from realtime.fanout import Recipient, register_audience
from realtime.jobs import Job, register_job
from realtime.service import (
    ToMembers,
    close_sessions,
    deliver,
    enqueue,
    publish,
    publish_to_members,
    publish_to_sessions,
    reachable,
    send_to,
    touch,
)
from realtime.store import (
    CONNECTION_TTL_MS,
    PRESENT_MS,
    Connection,
    Liveness,
    Target,
    attendance,
    connections_of,
)

__all__ = [
    "CONNECTION_TTL_MS",
    "PRESENT_MS",
    "Connection",
    "Job",
    "Liveness",
    "Recipient",
    "Target",
    "ToMembers",
    "attendance",
    "close_sessions",
    "connections_of",
    "deliver",
    "enqueue",
    "publish",
    "publish_to_members",
    "publish_to_sessions",
    "reachable",
    "register_audience",
    "register_job",
    "send_to",
    "touch",
]
