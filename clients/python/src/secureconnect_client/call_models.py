"""The values of calls, which `models` re-exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaState:
    """The media that a participant of a call sends."""

    audio: bool = False
    video: bool = False
    screen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallParticipant:
    """A person in a call, or called by it."""

    participant_id: str = ""
    user_id: str = ""
    state: Literal["ringing", "joined", "left", "declined", "missed"] = "ringing"
    media_state: MediaState = field(default_factory=MediaState)
    hand_raised: bool = False
    speaking: bool = False
    busy: bool = False
    joined_at: datetime | None = None
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A live or ended call."""

    id: str = ""
    conversation_id: str = ""
    media: Literal["audio", "video"] = "video"
    state: Literal["ringing", "active", "ended"] = "ringing"
    initiator_id: str = ""
    participants: tuple[CallParticipant, ...] = ()
    topology: Literal["mesh", "sfu"] = "mesh"
    end_reason: str | None = None
    created_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    duration_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IceServer:
    """A STUN or TURN server, as RTCPeerConnection takes it."""

    urls: tuple[str, ...] = ()
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedCall:
    """The caller's participation in a call. Signals up to `last_signal` belong to an earlier one."""

    call: Call = field(default_factory=Call)
    participant_id: str = ""
    ice_servers: tuple[IceServer, ...] = ()
    peers: tuple[str, ...] = ()
    polite_towards: tuple[str, ...] = ()
    last_signal: int = 0
    sfu: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSignal:
    """A signal between two participants' peer connections; `n` counts within the receiver's inbox."""

    call_id: str = ""
    n: int = 0
    sender: str = ""
    kind: str = ""
    payload: Any = None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> CallSignal:
        """From JSON, in which the sender is called `from`."""
        return cls(
            call_id=str(raw.get("call_id", "")),
            n=int(raw.get("n", 0)),
            sender=str(raw.get("from", "")),
            kind=str(raw.get("kind", "")),
            payload=raw.get("payload"),
        )
