"""Settings and statistics of a live stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from secureconnect_client.backoff import ReconnectPolicy
from secureconnect_client.wire import FrameFilter

Start = Literal["resume", "beginning", "now"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """See `Client.connect`. Times are in seconds."""

    start: Start = "resume"
    track_state: bool = False
    ping_interval_s: float = 240.0
    delivered_every_s: float | None = 5.0
    request_timeout_s: float = 10.0
    connect_timeout_s: float = 30.0
    gap_wait_s: float = 0.15
    max_queue: int = 10_000
    policy: ReconnectPolicy = field(default_factory=ReconnectPolicy)
    frame_filter: FrameFilter | None = None


@dataclass(frozen=True, slots=True)
class LiveStats:
    """Counts of connections opened, logs read to fill gaps, repeated events, and events not iterated yet."""

    openings: int
    heals: int
    duplicates: int
    waiting: int
