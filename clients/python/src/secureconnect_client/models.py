"""The API's values as frozen dataclasses, with the API's names. No behaviour and no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from secureconnect_client.call_models import Call as Call
from secureconnect_client.call_models import CallParticipant as CallParticipant
from secureconnect_client.call_models import CallSignal as CallSignal
from secureconnect_client.call_models import IceServer as IceServer
from secureconnect_client.call_models import JoinedCall as JoinedCall
from secureconnect_client.call_models import MediaState as MediaState
from secureconnect_client.poll_models import Poll as Poll
from secureconnect_client.poll_models import PollOption as PollOption

T = TypeVar("T")
Role = Literal["owner", "admin", "member"]
Status = Literal["online", "away", "busy", "invisible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A public profile. `avatar_url` needs no token and is valid for up to an hour."""

    id: str = ""
    username: str = ""
    display_name: str = ""
    avatar_url: str | None = None
    bio: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(User):
    """The caller's profile."""

    email: str | None = None
    locale: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSession:
    """A session of the caller."""

    session_id: str = ""
    device_name: str | None = None
    ip: str | None = None
    created_at: datetime | None = None
    last_seen_at: datetime | None = None
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact, or a request for one."""

    user: User = field(default_factory=User)
    state: Literal["pending_in", "pending_out", "accepted"] = "accepted"
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """One person's reaction to one message."""

    message_id: str = ""
    user_id: str = ""
    emoji: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionCount:
    """The number of reactions with an emoji to a message, and whether the caller's is among them."""

    emoji: str = ""
    count: int = 0
    mine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of the drive, or an attachment (without a thumbnail). Images have a width and a height."""

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
    """The access of a person or a conversation to a file or folder."""

    id: str = ""
    role: str = "viewer"
    user_id: str | None = None
    conversation_id: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A public link to a file; only the answer of its creation has the token."""

    id: str = ""
    token: str = field(default="", repr=False)
    url: str = field(default="", repr=False)
    expires_at: datetime | None = None
    max_downloads: int | None = None
    downloads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """The author of a forwarded message, and its time."""

    sender_id: str = ""
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Voter:
    """A person and their choices in a poll without secret votes."""

    user: User = field(default_factory=User)
    option_ids: tuple[str, ...] = ()
    voted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message in its present state; a deleted one keeps little more than its ids and `seq`."""

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
    """A pinned message, with the person who pinned it and the time."""

    pinned_by: str = ""
    pinned_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierText:
    """The text of a message from `written_at` until its next edit."""

    text: str = ""
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The caller's unsent text, shared by all of their devices; without text it was cleared."""

    conversation_id: str = ""
    text: str | None = None
    reply_to: str | None = None
    thread_root: str | None = None
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledMessage:
    """A message to be sent at a time; `reason` is the error code of one that could not be sent."""

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
    """A person who was removed from a group and cannot come back by a link."""

    user: User = field(default_factory=User)
    banned_by: str = ""
    banned_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A link into a group; `token` and `url` are only in the answer of its creation."""

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
    """The view of a group for people who are not members."""

    name: str | None = None
    member_count: int = 0
    avatar_url: str | None = None
    needs_approval: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The result of accepting an invitation; `conversation` is set if the person has joined."""

    state: Literal["joined", "requested"] = "joined"
    conversation: Conversation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """A person's request to join."""

    user: User = field(default_factory=User)
    invitation_id: str = ""
    requested_at: datetime | None = None
    state: str = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report of a message; `message`, as the reporter saw it, is for admins while the report is open."""

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
    """The seq up to which one member's devices have received, and the person has read."""

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
    """A person's presence."""

    user_id: str = ""
    status: str = "offline"
    last_seen_at: datetime | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A single-use ticket for opening a socket.

    `reconnect_spread_ms`, if given, is the window over which clients reconnect that lost their connection
    without a hint.
    """

    ticket: str = field(default="", repr=False)
    url: str = ""
    expires_in: int = 60
    reconnect_spread_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next_cursor` requests the next one and is None at the end."""

    items: tuple[T, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A passkey of the caller; `synced`: its authenticator copies it to other devices."""

    id: str = ""
    name: str = ""
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    synced: bool = False
