"""Conversations: requests and answers."""

from typing import Annotated, Literal

from pydantic import Field

from calls.schemas import CallOut
from conversations.model import Who
from conversations.ping_frame import Cursors
from kernel.frames import Frame
from kernel.schema import Beyond, Id, Input, Instant, Name, Note, Opaque, Output, Paging, Query
from log.schemas import AnyEvent
from messages.schemas import Message
from users.schemas import PublicProfile


class SettingsIn(Input):
    who_can_send: Who | None = None
    who_can_add: Who | None = None
    who_can_create_polls: Who | None = None
    ai_enabled: bool | None = None
    encrypted: bool | None = None
    disappearing_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = None
    history_visible: bool | None = None
    slow_mode_seconds: Annotated[int, Field(ge=0, le=3_600)] | None = None
    who_can_pin: Who | None = None
    moderation: Annotated[
        Literal["off", "flag"] | None,
        Field(description="flag: where AI help is on, what looks harmful is reported to admins; nothing is deleted"),
    ] = None


class SettingsOut(Output):
    who_can_send: Who
    who_can_add: Who
    who_can_create_polls: Who
    ai_enabled: bool
    encrypted: bool
    disappearing_seconds: int | None
    history_visible: bool
    slow_mode_seconds: int
    who_can_pin: Who
    moderation: Literal["off", "flag"]


class NewConversation(Input):
    type: Literal["direct", "group"]
    member_ids: Annotated[list[Id], Field(max_length=1_000)]
    name: Annotated[Name, Field(min_length=1, max_length=100)] | None = None
    description: Annotated[Note, Field(max_length=500)] | None = None
    settings: SettingsIn = Field(default_factory=SettingsIn)


class ConversationChanges(Input):
    name: Annotated[Name, Field(min_length=1, max_length=100)] | None = None
    description: Annotated[Note, Field(max_length=500)] | None = None
    settings: SettingsIn = Field(default_factory=SettingsIn)


class NewMembers(Input):
    user_ids: Annotated[list[Id], Field(min_length=1, max_length=1_000)]


class RoleChange(Input):
    role: Literal["owner", "admin", "member"]


class Preferences(Input):
    """One's own view of a conversation; `muted_until` is an RFC 3339 time or null."""

    muted_until: Annotated[Opaque, Field(max_length=40)] | None = None
    pinned: bool | None = None
    archived: bool | None = None
    notifications: Literal["all", "mentions", "none"] | None = None


class PreferencesOut(Output):
    """What one sees of a conversation by one's own choice."""

    muted_until: Instant | None
    pinned: bool
    archived: bool
    notifications: Literal["all", "mentions", "none"]


class Conversation(Output):
    id: str
    type: Literal["direct", "group"]
    name: str | None
    description: str | None
    avatar_url: str | None
    settings: SettingsOut
    role: Literal["owner", "admin", "member"]
    member_count: int
    last_seq: int
    last_message: Message | None
    unread_count: int
    unread_mentions: int
    muted_until: Instant | None
    pinned: bool
    archived: bool
    notifications: Literal["all", "mentions", "none"]
    created_at: Instant


class ConversationQuery(Paging):
    """`archived`: only those that are (true) or are not (false) archived; all of them if absent."""

    archived: bool | None = None


class ConversationList(Output):
    items: list[Conversation]
    next_cursor: str | None


class MemberOut(Output):
    user: PublicProfile | None
    role: Literal["owner", "admin", "member"]
    joined_at: Instant


class MemberList(Output):
    items: list[MemberOut]
    next_cursor: str | None


class BanOut(Output):
    """Somebody who was removed from a group; `banned_by` is who removed them."""

    user: PublicProfile
    banned_by: str
    banned_at: Instant


class BanList(Output):
    items: list[BanOut]
    next_cursor: str | None


class Added(Output):
    added: list[str]
    skipped: list[str]


class EventList(Output):
    items: list[AnyEvent]
    next_cursor: str | None


class EventQuery(Query):
    after: Beyond = 0
    limit: int = Field(default=50, ge=1, le=100)
    cursor: Opaque | None = None


class SyncRequest(Input):
    cursors: Cursors


class SyncedConversation(Output):
    conversation: Conversation
    events: list[AnyEvent]
    more: bool


class Ephemeral(Output):
    calls: list[CallOut]


class SyncAnswer(Output):
    conversations: list[SyncedConversation]
    removed: list[str]
    more: bool
    ephemeral: Ephemeral


# --- frames of the socket -------------------------------------------------------------------------------------


class Sync(Frame):
    cursors: Cursors
