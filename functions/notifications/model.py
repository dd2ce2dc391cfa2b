"""Who is notified of what: `decide` takes an occurrence and a recipient. Pure: no AWS in here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any, Literal

from kernel import clock, ids

ListedKind = Literal[
    "mention",
    "reply",
    "reaction",
    "invitation",
    "contact_request",
    "join_request",
    "report",
    "file_shared",
    "missed_call",
    "security",
]
Kind = Literal["message", "poll", "file", "call", ListedKind]
Reason = Literal[
    "own", "not_member", "blocked", "seen", "focused", "preference", "muted", "quiet", "list_only", "over", "late"
]
Messages = Literal["all", "mentions", "none"]
Platform = Literal["ios", "android", "web"]
Provider = Literal["fcm", "webpush"]

MAX_DEVICES = 25  # of a person; a new one replaces the least recently registered

# Kinds that are kept in the in-app list; the others are visible in the conversation itself.
LISTED: frozenset[str] = frozenset(ListedKind.__args__)  # type: ignore[attr-defined]
# Kinds that cause no push.
LIST_ONLY: frozenset[str] = frozenset({"reaction"})
# Kinds that are messages of a log: alerts of them are debounced, and suppressed once the message was read.
MESSAGES: frozenset[str] = frozenset({"message", "poll", "file", "mention", "reply"})
# Kinds that reach a person although they muted the conversation.
PERSONAL: frozenset[str] = frozenset({"mention", "reply"})
RING_MS = 45 * clock.SECOND  # how long a call rings (contract §7)
LATE_MS = 24 * clock.HOUR  # older occurrences, from a backlog of the stream, cause no push


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily span of wall-clock time in a time zone; over midnight if `ends` is before `begins`, the whole day if they
    are equal."""

    begins: time
    ends: time
    timezone: str

    def cover(self, now: int) -> bool:
        """Whether an instant (ms) is within the quiet hours, by local wall-clock time, also when the clocks change."""
        local = datetime.fromtimestamp(now / clock.SECOND, clock.zone(self.timezone)).time()
        if self.begins < self.ends:
            return self.begins <= local < self.ends
        return local >= self.begins or local < self.ends


@dataclass(frozen=True, slots=True)
class NoticePreferences:
    """A person's choice of pushes; the in-app list does not depend on it."""

    messages: Messages = "all"
    mentions: bool = True
    calls: bool = True
    polls: bool = True
    files: bool = True
    quiet_hours: QuietHours | None = None
    show_preview: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """The fields of a member that decide about notifications."""

    visible_from: int
    read_seq: int = 0
    muted_until: int | None = None
    notifications: Messages = "all"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that people may be notified of; `key` identifies it, so that repeated reports have one effect.

    `seq` is set for events of a conversation's log. `mentioned` may hold `*` for everybody; `answers` is the author of
    the message that this one replies to. `reference` holds further ids for the list item, never content.
    """

    key: str
    kind: Kind
    actor_id: str | None
    at: int
    conversation_id: str | None = None
    seq: int | None = None
    message_id: str | None = None
    call_id: str | None = None
    mentioned: frozenset[str] = frozenset()
    answers: str | None = None
    encrypted: bool = False
    text: str | None = None
    reference: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoticeRecipient:
    """A person who may be notified: `membership` is None without a conversation and for people outside of it; `focused`
    says that one of their devices has the conversation open now."""

    user_id: str
    membership: Membership | None = None
    preferences: NoticePreferences = field(default_factory=NoticePreferences)
    blocked: bool = False
    focused: bool = False
    contact_of_actor: bool = False


@dataclass(frozen=True, slots=True)
class PushEndpoint:
    """A browser's push subscription: its URL, and the keys to encrypt with (URL-safe base 64)."""

    endpoint: str
    p256dh: str
    auth: str


@dataclass(frozen=True, slots=True)
class RegisteredDevice:
    """A device that receives pushes, by a Firebase token or a browser's subscription, until its session ends.

    `voip` asks for Apple's call pushes; `key` is the hash of the token or endpoint, which only one device may have.
    """

    user_id: str
    device_id: str
    session_id: str
    platform: Platform
    provider: Provider
    key: str
    created_at: int
    updated_at: int
    token: str | None = None
    subscription: PushEndpoint | None = None
    app_version: str | None = None
    locale: str | None = None
    voip: bool = False


@dataclass(frozen=True, slots=True)
class NotificationItem:
    """An item of a person's in-app list; `reference` holds further ids, by kind."""

    user_id: str
    id: str
    kind: ListedKind
    at: int
    conversation_id: str | None = None
    message_id: str | None = None
    actor_id: str | None = None
    reference: Mapping[str, Any] = field(default_factory=dict)

    @property
    def message_place(self) -> tuple[str, int] | None:
        """The conversation and seq of the message that the item tells of; None for kinds that tell of something else.

        A reaction names the message that it is on, and happens after it.
        """
        if self.kind not in PERSONAL or self.conversation_id is None or self.message_id is None:
            return None
        seq = ids.position(self.message_id)
        return None if seq is None else (self.conversation_id, seq)


def item_of(occurrence: Occurrence, kind: ListedKind, user_id: str) -> NotificationItem:
    """A person's list item for an occurrence. Its id derives from both, so that it is added once."""
    digest = hashlib.sha256(f"{occurrence.key}\0{kind}\0{user_id}".encode()).digest()[:10]
    return NotificationItem(
        user_id=user_id,
        id=f"ntf_{ids.base32(occurrence.at, 10)}{ids.base32(int.from_bytes(digest, 'big'), 16)}",
        kind=kind,
        at=occurrence.at,
        conversation_id=occurrence.conversation_id,
        message_id=occurrence.message_id,
        actor_id=occurrence.actor_id,
        reference=occurrence.reference,
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision for one person: the kind for them, whether it is listed, and why it is not pushed (None: it is)."""

    kind: Kind
    listed: bool
    suppressed: Reason | None

    @property
    def pushed(self) -> bool:
        return self.suppressed is None


def decide(occurrence: Occurrence, recipient: NoticeRecipient, now: int) -> Verdict:
    """Whether a person is notified at `now` (ms); the first rule against it is the reason."""
    kind = kind_for(occurrence, recipient.user_id)
    suppressed = _reason_to_hide(occurrence, recipient)
    listed = suppressed is None and kind in LISTED
    return Verdict(kind, listed, suppressed or _reason_not_to_push(occurrence, kind, recipient, now))


def kind_for(occurrence: Occurrence, user_id: str) -> Kind:
    """The kind for this person: a message that mentions them is a mention, one that replies to them a reply."""
    if occurrence.kind in ("message", "poll", "file"):
        if user_id in occurrence.mentioned or "*" in occurrence.mentioned:
            return "mention"
        if occurrence.answers == user_id:
            return "reply"
    return occurrence.kind


def _reason_to_hide(occurrence: Occurrence, recipient: NoticeRecipient) -> Reason | None:
    """Why the person may not be notified in any way."""
    if recipient.user_id == occurrence.actor_id and occurrence.kind != "security":
        return "own"
    if occurrence.conversation_id is not None and occurrence.seq is not None:
        member = recipient.membership
        if member is None or occurrence.seq < member.visible_from:
            return "not_member"
    return "blocked" if recipient.blocked else None


def _reason_not_to_push(occurrence: Occurrence, kind: Kind, recipient: NoticeRecipient, now: int) -> Reason | None:
    """Why a person who may be notified gets no push."""
    if kind in LIST_ONLY:
        return "list_only"
    if now - occurrence.at > (RING_MS if kind == "call" else LATE_MS):
        return "over" if kind == "call" else "late"
    if kind in MESSAGES and occurrence.seq is not None:
        if recipient.membership is not None and recipient.membership.read_seq >= occurrence.seq:
            return "seen"
        if recipient.focused:
            return "focused"
    if not _wanted(occurrence, kind, recipient.preferences):
        return "preference"
    if _muted(kind, recipient, now):
        return "muted"
    quiet = recipient.preferences.quiet_hours
    if quiet is not None and quiet.cover(now) and not (kind == "call" and recipient.contact_of_actor):
        return "quiet"
    return None


def _wanted(occurrence: Occurrence, kind: Kind, preferences: NoticePreferences) -> bool:
    """Whether their preferences allow this kind. Requests, reports, invitations and security cannot be turned off."""
    if kind in PERSONAL:
        return preferences.mentions or _wanted(occurrence, occurrence.kind, preferences)
    if kind == "message":
        return preferences.messages == "all"
    if kind == "file":
        return preferences.messages == "all" and preferences.files
    return {
        "poll": preferences.polls,
        "file_shared": preferences.files,
        "call": preferences.calls,
        "missed_call": preferences.calls,
    }.get(kind, True)


def _muted(kind: Kind, recipient: NoticeRecipient, now: int) -> bool:
    """Whether they muted the conversation; mentions and replies pass if the person's preferences allow them."""
    member = recipient.membership
    if member is None:
        return False
    muted = member.notifications != "all" or (member.muted_until is not None and member.muted_until > now)
    return muted and not (kind in PERSONAL and recipient.preferences.mentions)
