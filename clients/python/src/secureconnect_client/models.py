"""The nouns of the API as frozen values, named as in the API. Holds no behaviour and does no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from secureconnect_client.poll_models import Poll as Poll
from secureconnect_client.poll_models import PollOption as PollOption

T = TypeVar("T")
Role = Literal["owner", "admin", "member"]
Status = Literal["online", "away", "busy", "invisible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A public profile. `avatar_url` needs no token; it is good for up to an hour."""

    id: str = ""
    username: str = ""
    display_name: str = ""
    avatar_url: str | None = None
    bio: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(User):
    """One's own profile."""

    email: str | None = None
    locale: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSession:
    """A signed-in device, as listed by the server."""

    session_id: str = ""
    device_name: str | None = None
    ip: str | None = None
    created_at: datetime | None = None
    last_seen_at: datetime | None = None
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A friend request or a friend."""

    user: User = field(default_factory=User)
    state: Literal["pending_in", "pending_out", "accepted"] = "accepted"
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """One person's reaction to one message, as events carry it."""

    message_id: str = ""
    user_id: str = ""
    emoji: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionCount:
    """How often an emoji stands under a message, and whether one of them is the caller's."""

    emoji: str = ""
    count: int = 0
    mine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of the drive; messages carry it too, without its thumbnail. Images have a width and height."""

    id: str = ""
    name: str = ""
    size: int = 0
    content_type: str = ""
    sha256: str | None = None
    folder_id: str | None = None
    owner_id: str | None = None
    version: int = 1
    state: str = ""
    reject_reason: str | None = None
    thumbnail_url: str | None = None
    width: int | None = None
    height: int | None = None
    conversation_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of the drive."""

    id: str = ""
    name: str = ""
    parent_id: str | None = None
    owner_id: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """That a person or a conversation may use a file or folder."""

    id: str = ""
    role: str = "viewer"
    user_id: str | None = None
    conversation_id: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A public link to a file; its token is told once."""

    id: str = ""
    token: str = field(default="", repr=False)
    url: str = field(default="", repr=False)
    expires_at: datetime | None = None
    max_downloads: int | None = None
    downloads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """Who wrote a forwarded message, and when."""

    sender_id: str = ""
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Voter:
    """Who voted for what, in a poll whose votes are no secret."""

    user: User = field(default_factory=User)
    option_ids: tuple[str, ...] = ()
    voted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message in its current state; a deleted one keeps its `seq` and nothing else of value."""

    id: str = ""
    conversation_id: str = ""
    seq: int = 0
    sender_id: str | None = None
    client_id: str | None = None
    type: str = "text"
    text: str | None = None
    ciphertext: str | None = None
    attachments: tuple[File, ...] = ()
    mentions: tuple[str, ...] = ()
    mentions_all: bool = False
    reply_to: str | None = None
    thread_root: str | None = None
    thread_count: int = 0
    forwarded_from: Forwarded | None = None
    pinned: bool = False
    reactions: tuple[ReactionCount, ...] = ()
    metadata: Mapping[str, Any] | None = None
    poll: Poll | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    expires_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedMessage(Message):
    """A pinned message, with who pinned it and when."""

    pinned_by: str = ""
    pinned_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierText:
    """What a message said from `written_at` until its next edit."""

    text: str = ""
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one has written and not sent, the same on all of one's devices; without text it was cleared."""

    conversation_id: str = ""
    text: str | None = None
    reply_to: str | None = None
    thread_root: str | None = None
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledMessage:
    """A message that waits for its time; `reason` is the code of what kept a failed one from being sent."""

    id: str = ""
    conversation_id: str = ""
    send_at: datetime | None = None
    state: Literal["pending", "failed"] = "pending"
    reason: str | None = None
    client_id: str = ""
    type: str = "text"
    text: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A direct or group conversation as the caller sees it."""

    id: str = ""
    type: Literal["direct", "group"] = "group"
    name: str | None = None
    description: str | None = None
    avatar_url: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    role: Role | None = None
    member_count: int = 0
    last_seq: int = 0
    last_message: Message | None = None
    unread_count: int = 0
    unread_mentions: int = 0
    muted_until: datetime | None = None
    pinned: bool = False
    archived: bool = False
    notifications: Literal["all", "mentions", "none"] = "all"
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person in a conversation."""

    user: User = field(default_factory=User)
    role: Role = "member"
    joined_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """Somebody who was removed from a group and cannot come back by a link."""

    user: User = field(default_factory=User)
    banned_by: str = ""
    banned_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A link into a group; `token` and `url` are told only to who made it, when they did."""

    id: str = ""
    conversation_id: str = ""
    created_by: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    max_uses: int | None = None
    uses: int = 0
    needs_approval: bool = False
    state: str = "open"
    token: str | None = field(default=None, repr=False)
    url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationPreview:
    """What somebody outside learns of a group."""

    name: str | None = None
    member_count: int = 0
    avatar_url: str | None = None
    needs_approval: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What came of accepting an invitation; `conversation` for who is in."""

    state: Literal["joined", "requested"] = "joined"
    conversation: Conversation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """Somebody who asks to be let in."""

    user: User = field(default_factory=User)
    invitation_id: str = ""
    requested_at: datetime | None = None
    state: str = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report of a message; `message` is what its reporter saw, for admins while the report is open."""

    id: str = ""
    conversation_id: str = ""
    message_id: str = ""
    sender_id: str = ""
    reporter: User | None = None
    reason: str = ""
    state: str = "open"
    reported_at: datetime | None = None
    message: Message | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """How far one member's devices got, and how far the person has read."""

    user_id: str = ""
    delivered_seq: int = 0
    read_seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMarker:
    """The caller's own read marker."""

    read_seq: int = 0
    unread_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Whether a person is there."""

    user_id: str = ""
    status: str = "offline"
    last_seen_at: datetime | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaState:
    """What a participant of a call sends."""

    audio: bool = False
    video: bool = False
    screen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallParticipant:
    """A person in a call, or whom it rings for."""

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
    """A call as it is, or was."""

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
    """One's own part in a call. Signals up to `last_signal` were for a life before a restart."""

    call: Call = field(default_factory=Call)
    participant_id: str = ""
    ice_servers: tuple[IceServer, ...] = ()
    peers: tuple[str, ...] = ()
    polite_towards: tuple[str, ...] = ()
    last_signal: int = 0
    sfu: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSignal:
    """What one participant's peer connection says to another's; `n` counts within one's own inbox."""

    call_id: str = ""
    n: int = 0
    sender: str = ""
    kind: str = ""
    payload: Any = None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> CallSignal:
        """From the wire, where the sender is called `from`."""
        return cls(
            call_id=str(raw.get("call_id", "")),
            n=int(raw.get("n", 0)),
            sender=str(raw.get("from", "")),
            kind=str(raw.get("kind", "")),
            payload=raw.get("payload"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A single-use admission to the socket. `reconnect_spread_ms`, where given, is the window over which
    clients that lose the connection without a hint come back."""

    ticket: str = field(default="", repr=False)
    url: str = ""
    expires_in: int = 60
    reconnect_spread_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; pass `next_cursor` to get the next, None at the end."""

    items: tuple[T, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A way to sign in without a password; `synced`: its authenticator keeps copies of it elsewhere."""

    id: str = ""
    name: str = ""
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    synced: bool = False
