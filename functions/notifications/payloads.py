"""What a push carries: JSON without content, unless the person chose previews (R38). Pure."""

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
# What else a push may say: that a conversation was read elsewhere, that a call rings no more.
PushKind = Kind | Literal["read", "call_ended"]

TITLE_MAX_CHARS = 80
BODY_MAX_CHARS = 240  # 960 bytes at most; a Web Push message has 4,096 with its encryption (RFC 8291)
ALERT_TTL_S = 24 * 60 * 60
RING_TTL_S = RING_MS // clock.SECOND
URGENT: frozenset[str] = frozenset({"call", "call_ended", "mention", "reply", "security"})
QUIET: frozenset[str] = frozenset({"read"})
# Why somebody is warned of what happened to their account (`reference.reason`).
SECURITY: Mapping[str, str] = {
    "new_sign_in": "Your account was signed in to on a new device.",
    "refresh_reused": "A session of yours was used from two places and has been ended.",
    "totp_enabled": "Your second factor is on.",
    "totp_disabled": "Your second factor is off.",
    "passkey_added": "A passkey was added to your account.",
    "passkey_removed": "A passkey was removed from your account.",
    "passkey_copied": "A passkey of yours may have been copied; sign-in with it was refused.",
}


@dataclass(frozen=True, slots=True)
class PushPreview:
    """Content that a person wants to see on their lock screen."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Payload:
    """What one device is sent. A push with the tag of an earlier one takes its place on the device."""

    kind: PushKind
    tag: str
    badge: int
    conversation_id: str | None = None
    call_id: str | None = None
    preview: PushPreview | None = None

    def fields(self) -> dict[str, Any]:
        """As the device gets it: what is not there is left out."""
        shown = {} if self.preview is None else {"title": self.preview.title, "body": self.preview.body}
        ids = {"conversation_id": self.conversation_id, "call_id": self.call_id}
        present = {name: value for name, value in ids.items() if value is not None}
        return {"kind": self.kind, **present, "badge": self.badge, "tag": self.tag, **shown}

    def text(self) -> bytes:
        return json.dumps(self.fields(), separators=(",", ":"), ensure_ascii=False).encode()

    @property
    def urgency(self) -> Urgency:
        if self.kind in URGENT:
            return "high"
        return "low" if self.kind in QUIET else "normal"

    @property
    def ttl_s(self) -> int:
        """How long a push service keeps it for a device that is off: a call is over after its ring."""
        return RING_TTL_S if self.kind in ("call", "call_ended") else ALERT_TTL_S

    @property
    def silent(self) -> bool:
        """Whether it shows nothing: it only takes something away."""
        return self.kind in ("read", "call_ended")


def tag_of(what: Occurrence) -> str:
    """What replaces what on a device: a call its own ring, all of a conversation each other, a notice only itself."""
    if what.kind in ("call", "missed_call") and what.call_id is not None:
        return what.call_id
    if what.kind in MESSAGES and what.conversation_id is not None:
        return what.conversation_id
    return hashlib.sha256(what.key.encode()).hexdigest()[:32]


def topic(key: bytes, tag: str, device: str) -> str:
    """The name by which a push service replaces what it still holds for a device (RFC 8030: 32 base64url characters).

    Keyed, and different on every device, so that no service can tell who is in a conversation with whom.
    """
    return urlsafe_b64encode(hmac.digest(key, f"{tag}\0{device}".encode(), "sha256")[:24]).decode()


def preview(kind: Kind, *, actor: str | None, group: str | None, text: str | None) -> PushPreview:
    """Title and body for who wants to see them: who, where, and the beginning of what was written."""
    name = actor or "Somebody"
    title = f"{name} ({group})" if group and kind in ("message", "poll", "file", "mention", "reply") else name
    body = cut(" ".join(text.split()), BODY_MAX_CHARS) if text and text.strip() else sentence(kind, group=group)
    return PushPreview(cut(title, TITLE_MAX_CHARS), body)


def sentence(kind: Kind, *, group: str | None = None) -> str:
    """What happened, to be read after the name of who did it."""
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


def told(kind: Kind, *, actor: str | None, group: str | None, reference: Mapping[str, Any]) -> str:
    """What happened, as a whole sentence without content."""
    if kind == "security":
        return SECURITY.get(str(reference.get("reason")), "Your account was used in a new way.")
    if kind == "report" and reference.get("by") == "policy":
        return f"A message{f' in {group}' if group else ''} looks harmful."
    return f"{actor or 'Somebody'} {sentence(kind, group=group)}."


def cut(text: str, most: int) -> str:
    """The beginning of a text, with an ellipsis where something was left out."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
