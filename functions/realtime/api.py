"""Sockets for other domains: publishing frames, notifying people, and who is connected."""

from __future__ import annotations

from realtime.delivery import (
    NO_EXTRA,
    ExtraFrames,
    ToMembers,
    deliver,
    enqueue,
    made,
    publish,
    publish_to_members,
    publish_to_sessions,
    reachable,
)
from realtime.fanout import Recipient, register_audience
from realtime.jobs import calling, register_job
from realtime.notify import NOTICE, RING_OVER, WAS_READ, Audience, notify, ring_over, was_read
from realtime.service import close_sessions, focus, send_to, touch
from realtime.store import (
    CONNECTION_TTL_MS,
    NONE_KNOWN,
    PRESENT_MS,
    Connection,
    Liveness,
    Target,
    connections_in,
    connections_key,
    connections_of,
    liveness_of,
    shows,
)
