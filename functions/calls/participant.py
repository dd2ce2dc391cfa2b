"""One person in a call: the device that joined, the lease, what is sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from kernel import clock

LEASE_MS = 45 * clock.SECOND
REJOIN_MS = 30 * clock.SECOND

Media = Literal["audio", "video"]
Presence = Literal["ringing", "joined", "left", "declined", "missed"]


@dataclass(frozen=True, slots=True)
class MediaState:
    """What a participant sends; `speaking` is a hint for whom to show."""

    audio: bool = True
    video: bool = False
    screen: bool = False
    hand_raised: bool = False
    speaking: bool = False


OFF = MediaState(audio=False)


def at_first(media: Media) -> MediaState:
    """What one sends on joining."""
    return MediaState(video=media == "video")


@dataclass(frozen=True, slots=True)
class Participant:
    """One person in a call. `session_id` is the device that joined, `order` the turn in which (0: never yet)."""

    participant_id: str
    user_id: str
    state: Presence
    media: MediaState
    session_id: str | None = None
    joined_at: int | None = None
    left_at: int | None = None
    order: int = 0
    until: int = 0  # end of the lease while joined, in ms
    busy: bool = False  # was in another call when this one rang

    @property
    def joined(self) -> bool:
        return self.state == "joined"

    def gone(self, at: int) -> Participant:
        """Out of the call since `at`, but not since before joining."""
        return replace(self, state="left", left_at=max(at, self.joined_at or 0), until=0, media=OFF)

    def comes_back(self, session_id: str, now: int) -> bool:
        """Whether this is the same device within 30 s: a reload, a change of network."""
        return self.session_id == session_id and now - (self.left_at or 0) < REJOIN_MS
