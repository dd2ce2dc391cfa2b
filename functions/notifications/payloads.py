"""The payload of a push: JSON without content, unless the person chose previews (R38). Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kernel import clock
from notifications.model import MESSAGES, RING_MS, Kind, Occurrence

Urgency = Literal["high", "normal", "low"]
# ExtraFrames notifications: a conversation was read elsewhere, a call stopped ringing.
PushKind = Kind | Literal["read", "call_ended"]

TITLE_MAX_CHARS = 80
BODY_MAX_CHARS = 240  # 960 bytes at most; a Web Push message has 4,096 with its encryption (RFC 8291)
ALERT_TTL_S = 24 * 60 * 60
RING_TTL_S = RING_MS // clock.SECOND
URGENT: frozenset[str] = frozenset({"call", "call_ended", "mention", "reply", "security"})
QUIET: frozenset[str] = frozenset({"read"})
# Texts of security notifications by `reference.reason`.
SECURITY: Mapping[str, str] = {
    "new_sign_in": "Your account was signed in to on a new device.",
    "refresh_reused": "A session of yours was used from two places and has been ended.",
    "too_many_sessions": "You are signed in on too many devices; those unused the longest were signed out.",
    "totp_enabled": "Your second factor is on.",
    "totp_disabled": "Your second factor is off.",
    "passkey_added": "A passkey was added to your account.",
    "passkey_removed": "A passkey was removed from your account.",
    "passkey_copied": "A passkey of yours may have been copied; sign-in with it was refused.",
}


@dataclass(frozen=True, slots=True)
class PushPreview:
    """Content for the lock screen of a person who chose previews."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Payload:
    """The content of a push to one device; it replaces an earlier push with the same tag."""

    kind: PushKind
    tag: str
    badge: int
    conversation_id: str | None = None
    call_id: str | None = None
    preview: PushPreview | None = None

    def fields(self) -> dict[str, Any]:
        """The fields of the payload, without missing ones."""
        preview = {} if self.preview is None else {"title": self.preview.title, "body": self.preview.body}
        ids = {"conversation_id": self.conversation_id, "call_id": self.call_id}
        present = {name: value for name, value in ids.items() if value is not None}
        return {"kind": self.kind, **present, "badge": self.badge, "tag": self.tag, **preview}

    def text(self) -> bytes:
        return json.dumps(self.fields(), separators=(",", ":"), ensure_ascii=False).encode()

    @property
    def urgency(self) -> Urgency:
        if self.kind in URGENT:
            return "high"
        return "low" if self.kind in QUIET else "normal"

    @property
    def ttl_s(self) -> int:
        """How long a push service keeps the push for an offline device."""
        return RING_TTL_S if self.kind in ("call", "call_ended") else ALERT_TTL_S

    @property
    def silent(self) -> bool:
        """Whether the push shows nothing: it only removes an earlier one."""
        return self.kind in ("read", "call_ended")


def tag_of(occurrence: Occurrence) -> str:
    """The tag of a push: one per call, one per conversation for its messages, else one per occurrence."""
    if occurrence.kind in ("call", "missed_call") and occurrence.call_id is not None:
        return occurrence.call_id
    if occurrence.kind in MESSAGES and occurrence.conversation_id is not None:
        return occurrence.conversation_id
    return hashlib.sha256(occurrence.key.encode()).hexdigest()[:32]


def topic(key: bytes, tag: str, device: str) -> str:
    """The topic by which a push service replaces an undelivered push (RFC 8030: 32 base64url characters).

    It is keyed and differs by device, so that no push service can tell who shares a conversation.
    """
    return urlsafe_b64encode(hmac.digest(key, f"{tag}\0{device}".encode(), "sha256")[:24]).decode()


def preview(kind: Kind, *, actor: str | None, group: str | None, text: str | None) -> PushPreview:
    """The title (actor, group) and body (the beginning of the text) of a preview."""
    name = actor or "Somebody"
    title = f"{name} ({group})" if group and kind in ("message", "poll", "file", "mention", "reply") else name
    body = cut(" ".join(text.split()), BODY_MAX_CHARS) if text and text.strip() else predicate(kind, group=group)
    return PushPreview(cut(title, TITLE_MAX_CHARS), body)


def predicate(kind: Kind, *, group: str | None = None) -> str:
    """What happened, as a phrase that follows the actor's name."""
    where = f" in {group}" if group else ""
    return {
        "message": "sent a message",
        "poll": "asks a question",
        "file": "sent a file",
        "call": "calls you",
        "mention": f"mentioned you{where}",
        "reply": f"replied to you{where}",
        "reaction": f"reacted to your message{where}",
        "invitation": f"added you to {group}" if group else "added you to a group",
        "contact_request": "would like to be your contact",
        "join_request": f"asks to join {group}" if group else "asks to join a group",
        "report": f"reported a message{where}",
        "file_shared": "shared a file with you",
        "missed_call": f"called you{where}",
        "security": "Your account was used in a new way",
    }[kind]


def sentence(kind: Kind, *, actor: str | None, group: str | None, reference: Mapping[str, Any]) -> str:
    """What happened, as a sentence without content."""
    if kind == "security":
        return SECURITY.get(str(reference.get("reason")), "Your account was used in a new way.")
    if kind == "report" and reference.get("by") == "policy":
        return f"A message{f' in {group}' if group else ''} looks harmful."
    return f"{actor or 'Somebody'} {predicate(kind, group=group)}."


def cut(text: str, most: int) -> str:
    """A text cut to `most` characters, with an ellipsis if it was longer."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
