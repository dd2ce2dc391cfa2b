"""Who is told of what: one decision over (what happened, how a person stands to it). No AWS in here."""

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

MAX_DEVICES = 25  # of a person; the one not registered for longest makes room

# What stands in the in-app list; the others are seen in the conversation itself.
LISTED: frozenset[str] = frozenset(ListedKind.__args__)  # type: ignore[attr-defined]
# Shown in the list and on live sockets only: nobody wants to be woken by a thumb.
LIST_ONLY: frozenset[str] = frozenset({"reaction"})
# What stands in a conversation's log to be read: of these one is alerted once in 30 s, and not of what one has seen.
MESSAGES: frozenset[str] = frozenset({"message", "poll", "file", "mention", "reply"})
# Kinds addressed to this very person, who chose to hear of them whatever the conversation's noise.
PERSONAL: frozenset[str] = frozenset({"mention", "reply"})
RING_MS = 45 * clock.SECOND  # how long a call rings (contract §7)
LATE_MS = 24 * clock.HOUR  # what comes out of a stream's backlog after a day wakes nobody


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily span of wall-clock time in a zone; one that ends before it begins goes over midnight, equal ends are
    the whole day."""

    begins: time
    ends: time
    timezone: str

    def cover(self, now: int) -> bool:
        """Whether an instant lies in them. Wall-clock time decides: a night with a change of clocks is an hour
        longer or shorter, and a time of day that is skipped or comes twice belongs where its digits stand."""
        local = datetime.fromtimestamp(now / clock.SECOND, clock.zone(self.timezone)).time()
        if self.begins < self.ends:
            return self.begins <= local < self.ends
        return local >= self.begins or local < self.ends


@dataclass(frozen=True, slots=True)
class NoticePreferences:
    """What a person wants to be told of by push. The in-app list is kept whatever they chose."""

    messages: Messages = "all"
    mentions: bool = True
    calls: bool = True
    polls: bool = True
    files: bool = True
    quiet_hours: QuietHours | None = None
    show_preview: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """How somebody stands in the conversation: which events are theirs, how far they have read, what they muted."""

    visible_from: int
    read_seq: int = 0
    muted_until: int | None = None
    notifications: Messages = "all"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened and people may be told of. `key` is the same however often it is reported.

    Of a conversation's events `seq` is the place in the log. `mentioned` may hold `*` for everybody; `answers` is
    whose message it replies to. `reference` is what a list item keeps beside it: ids, never content.
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
    """A person as they stand to what happened: `membership` is None outside of the conversation, or where there is
    none; `focused` tells whether a device of theirs shows the conversation now."""

    user_id: str
    membership: Membership | None = None
    preferences: NoticePreferences = field(default_factory=NoticePreferences)
    blocked: bool = False
    focused: bool = False
    contact_of_actor: bool = False


@dataclass(frozen=True, slots=True)
class PushEndpoint:
    """A browser's push subscription: where to post, and the keys to encrypt with (base 64, URL-safe)."""

    endpoint: str
    p256dh: str
    auth: str


@dataclass(frozen=True, slots=True)
class RegisteredDevice:
    """Where a person can be reached: a Firebase token or a browser's subscription. It ends with its session.

    `voip` asks for Apple's call pushes, `key` is the hash of what no two devices may share.
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
    """An entry of a person's in-app list. `reference` has ids of what it is about beside the message."""

    user_id: str
    id: str
    kind: ListedKind
    at: int
    conversation_id: str | None = None
    message_id: str | None = None
    actor_id: str | None = None
    reference: Mapping[str, Any] = field(default_factory=dict)


def item_of(what: Occurrence, kind: ListedKind, user_id: str) -> NotificationItem:
    """What the list keeps of something for one person: the same, with the same id, however often it is made."""
    digest = hashlib.sha256(f"{what.key}\0{kind}\0{user_id}".encode()).digest()[:10]
    return NotificationItem(
        user_id=user_id,
        id=f"ntf_{ids.base32(what.at, 10)}{ids.base32(int.from_bytes(digest, 'big'), 16)}",
        kind=kind,
        at=what.at,
        conversation_id=what.conversation_id,
        message_id=what.message_id,
        actor_id=what.actor_id,
        reference=what.reference,
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of it for one person: the kind it is to them, whether the list keeps it, and why no push goes out
    (None: it does)."""

    kind: Kind
    listed: bool
    suppressed: Reason | None

    @property
    def pushed(self) -> bool:
        return self.suppressed is None


def decide(what: Occurrence, who: NoticeRecipient, now: int) -> Verdict:
    """Whether somebody is told: the first rule that speaks against it names the reason."""
    kind = kind_for(what, who.user_id)
    suppressed = _none_of_theirs(what, who)
    listed = suppressed is None and kind in LISTED
    return Verdict(kind, listed, suppressed or _not_now(what, kind, who, now))


def kind_for(what: Occurrence, user_id: str) -> Kind:
    """What it is to this person: a message that names them is a mention, one that answers them a reply."""
    if what.kind in ("message", "poll", "file"):
        if user_id in what.mentioned or "*" in what.mentioned:
            return "mention"
        if what.answers == user_id:
            return "reply"
    return what.kind


def _none_of_theirs(what: Occurrence, who: NoticeRecipient) -> Reason | None:
    """Why they must not know of it at all."""
    if who.user_id == what.actor_id and what.kind != "security":
        return "own"
    if what.conversation_id is not None and what.seq is not None:
        member = who.membership
        if member is None or what.seq < member.visible_from:
            return "not_member"
    return "blocked" if who.blocked else None


def _not_now(what: Occurrence, kind: Kind, who: NoticeRecipient, now: int) -> Reason | None:
    """Why no push goes out for what they may know of."""
    if kind in LIST_ONLY:
        return "list_only"
    if now - what.at > (RING_MS if kind == "call" else LATE_MS):
        return "over" if kind == "call" else "late"
    if kind in MESSAGES and what.seq is not None:
        if who.membership is not None and who.membership.read_seq >= what.seq:
            return "seen"
        if who.focused:
            return "focused"
    if not _wanted(what, kind, who.preferences):
        return "preference"
    if _muted(kind, who, now):
        return "muted"
    quiet = who.preferences.quiet_hours
    if quiet is not None and quiet.cover(now) and not (kind == "call" and who.contact_of_actor):
        return "quiet"
    return None


def _wanted(what: Occurrence, kind: Kind, wishes: NoticePreferences) -> bool:
    """Whether they want this kind. Requests, reports, invitations and security have no switch."""
    if kind in PERSONAL:
        return wishes.mentions or _wanted(what, what.kind, wishes)
    if kind == "message":
        return wishes.messages == "all"
    if kind == "file":
        return wishes.messages == "all" and wishes.files
    return {"poll": wishes.polls, "file_shared": wishes.files, "call": wishes.calls, "missed_call": wishes.calls}.get(
        kind, True
    )


def _muted(kind: Kind, who: NoticeRecipient, now: int) -> bool:
    """Whether they muted the conversation. Mentions and replies reach through, where the person wants them to."""
    member = who.membership
    if member is None:
        return False
    muted = member.notifications != "all" or (member.muted_until is not None and member.muted_until > now)
    return muted and not (kind in PERSONAL and who.preferences.mentions)
