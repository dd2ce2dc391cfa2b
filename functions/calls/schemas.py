"""Request and response bodies of calls."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from kernel.schema import ClientId, Count, Id, Input, Instant, JsonValue, Output, Query

Kind = Literal["offer", "answer", "ice", "restart"]
Measure = Annotated[float, Field(ge=0, le=1_000_000)]


class NewCall(Input):
    client_id: ClientId
    media: Literal["audio", "video"]


class MediaStateIn(Input):
    """A media state; `hand_raised` and `speaking` (a hint for the layout) default to false."""

    audio: bool
    video: bool
    screen: bool
    hand_raised: bool = False
    speaking: bool = False


class SignalFields(Input):
    """A message to one participant's peer connection. `payload` is any JSON value of at most 64 KB."""

    to: Id
    kind: Kind
    payload: JsonValue


class SignalQuery(Query):
    after: Count = 0


class Quality(Input):
    """Client statistics. `packet_loss` is in percent; `setup_ms`, reported once, is from joining to the first decoded
    frame; `setup_failed` means that no media was received."""

    rtt_ms: Measure
    jitter_ms: Measure
    packet_loss: Annotated[float, Field(ge=0, le=100)]
    bitrate_kbps: Measure
    setup_ms: Measure | None = None
    setup_failed: bool = False


class MediaStateOut(Output):
    audio: bool
    video: bool
    screen: bool


class ParticipantOut(Output):
    """`busy`: the person was in another call when this one rang."""

    participant_id: str
    user_id: str
    state: Literal["ringing", "joined", "left", "declined", "missed"]
    media_state: MediaStateOut
    hand_raised: bool
    speaking: bool
    busy: bool
    joined_at: Instant | None
    left_at: Instant | None


class CallOut(Output):
    """`duration_seconds` is null until the end, 0 for an unanswered call."""

    id: str
    conversation_id: str
    media: Literal["audio", "video"]
    state: Literal["ringing", "active", "ended"]
    initiator_id: str
    participants: list[ParticipantOut]
    topology: Literal["mesh", "sfu"]
    end_reason: Literal["completed", "declined", "missed", "cancelled", "failed", "timeout"] | None
    created_at: Instant
    answered_at: Instant | None
    ended_at: Instant | None
    duration_seconds: int | None


class CallList(Output):
    items: list[CallOut]
    next_cursor: str | None


class IceServer(Output):
    """An RTCIceServer."""

    urls: list[str]
    username: str | None = Field(default=None, exclude_if=lambda value: value is None)
    credential: str | None = Field(default=None, exclude_if=lambda value: value is None)


class IceServers(Output):
    ice_servers: list[IceServer]


class Joined(Output):
    """`peers` are the participants to send offers to; towards those in `polite_towards` the client is the polite peer.
    Signals up to `last_signal` were for the participant before a reload. `sfu` is the input of the SFU's client
    library, null in a mesh; joining again gives the next meeting to whom the SFU says that theirs has ended."""

    call: CallOut
    participant_id: str
    ice_servers: list[IceServer]
    peers: list[str]
    polite_towards: list[str]
    last_signal: int
    sfu: dict[str, Any] | None


class SignalSent(Output):
    n: int


class _FromSomebody(Output):
    """Has a field `from`, which is a keyword in Python."""

    model_config = ConfigDict(serialize_by_alias=True)
    from_: str = Field(serialization_alias="from")


class SignalOut(_FromSomebody):
    n: int
    kind: Kind
    payload: Any
    at: Instant


class SignalList(Output):
    items: list[SignalOut]


class SignalEvent(_FromSomebody):
    call_id: str
    n: int
    kind: Kind
    payload: Any
