"""A participant of a call: the joined device, the lease, the media state."""

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
    """The media that a participant sends; `speaking` is a hint for the layout."""

    audio: bool = True
    video: bool = False
    screen: bool = False
    hand_raised: bool = False
    speaking: bool = False


OFF = MediaState(audio=False)


def initial_media(media: Media) -> MediaState:
    """The media state on joining."""
    return MediaState(video=media == "video")


@dataclass(frozen=True, slots=True)
class Participant:
    """A person in a call. `session_id` is the joined device, `order` the rank of joining (0: never joined)."""

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

    def with_left(self, at: int) -> Participant:
        """The participant after leaving at `at`, or at the time of joining if that is later."""
        return replace(self, state="left", left_at=max(at, self.joined_at or 0), until=0, media=OFF)

    def is_rejoin(self, session_id: str, now: int) -> bool:
        """Whether the same device joins again within 30 s, after a reload or a change of network."""
        return self.session_id == session_id and now - (self.left_at or 0) < REJOIN_MS
