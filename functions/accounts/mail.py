"""The e-mails of accounts: messages for the queue, and their rendering.

Messages hold one-time tokens in plain text; the queue is encrypted at rest and keeps them for a day at most. The store
has only hashes of tokens, and logs have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from accounts.model import Credentials
from kernel import clock, queues, telemetry
from kernel.config import config
from kernel.errors import DependencyUnavailable

Message = dict[str, Any]
DEVICE_MAX_CHARS = 40
SecurityEvent = Literal["totp_enabled", "totp_disabled", "passkey_added", "passkey_removed", "passkey_copied"]
_EVENTS: dict[str, tuple[str, str]] = {
    "totp_enabled": ("Your second factor is on", "From now on signing in needs a code of your authenticator."),
    "totp_disabled": ("Your second factor is off", "From now on your password alone signs in."),
    "passkey_added": ("A passkey was added", "It signs in to your account without the password."),
    "passkey_removed": ("A passkey was removed", "It does not sign in to your account any more."),
    "passkey_copied": (
        "A passkey of yours may have been copied",
        "Its counter ran backwards, so we refused the sign-in. If you use it on one device only, remove it.",
    ),
}


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """An e-mail ready to be sent."""

    subject: str
    text: str
    html: str


# --- into the queue -------------------------------------------------------------------------------------------


def verify_email(to: str, username: str, token: str) -> Message:
    """A message with the token that verifies an address."""
    return {"kind": "verify_email", "to": to, "username": username, "token": token}


def reset_password(to: str, username: str, token: str) -> Message:
    """A message with the token that resets a password."""
    return {"kind": "reset_password", "to": to, "username": username, "token": token}


def session_reused(owner: Credentials, *, device_name: str | None) -> Message:
    """A message about a session that was ended because its refresh token was reused."""
    kind = "session_reused"
    return {"kind": kind, "to": owner.email, "username": owner.username, "device_name": device_name or ""}


def new_device(owner: Credentials, token: str, *, device_name: str | None, ip: str, at: int) -> Message:
    """A message about a sign-in from a new device at that time (ms), with the token that ends it."""
    details = {"device_name": device_name or "", "address": ip, "at": clock.rfc3339(at)}
    return {"kind": "new_device", "to": owner.email, "username": owner.username, "token": token, **details}


def security_notice(owner: Credentials, event: SecurityEvent) -> Message:
    """A message about a change of second factors or passkeys."""
    return {"kind": "security_notice", "to": owner.email, "username": owner.username, "event": event}


def nothing(token: str) -> Message:
    """A message without an e-mail, so that the response for an unknown address takes the same time."""
    return {"kind": "nothing", "to": "", "username": "", "token": token}


def enqueue(message: Message) -> None:
    """Queue an e-mail; raises DependencyUnavailable."""
    queues.send(config().mail_queue_url, [message])


def enqueue_if_possible(message: Message) -> None:
    """Queue an e-mail; a failure is logged only."""
    try:
        enqueue(message)
    except DependencyUnavailable:
        telemetry.logger().warning("a letter could not be queued", extra={"kind": message["kind"]})


# --- out of the queue -----------------------------------------------------------------------------------------


def render(message: Mapping[str, Any]) -> RenderedMail | None:
    """The e-mail of a message, None for kind `nothing`; raises KeyError for an unknown kind."""
    if message["kind"] == "nothing":
        return None
    renderers = {
        "verify_email": _verify,
        "reset_password": _reset,
        "new_device": _new_device,
        "session_reused": _reused,
        "security_notice": _notice,
    }
    return renderers[message["kind"]](message)


def _verify(message: Mapping[str, Any]) -> RenderedMail:
    return _with_token(
        message,
        subject="Verify your e-mail address",
        path="verify",
        details="Please confirm that this e-mail address is yours.",
        after="It is good for 24 hours. If you have not registered, ignore this letter.",
    )


def _reset(message: Mapping[str, Any]) -> RenderedMail:
    return _with_token(
        message,
        subject="Reset your password",
        path="reset",
        details="Somebody, hopefully you, asked to reset your password.",
        after="It is good for one hour and once. If it was not you, ignore this letter: nothing has changed.",
    )


def _new_device(message: Mapping[str, Any]) -> RenderedMail:
    moment = f"{message['at'][:16].replace('T', ' ')} UTC"
    whence = f"{_on_device(message)}, from the address {message['address']}, at {moment}"
    return _with_token(
        message,
        subject="A sign-in from a new device",
        path="disown",
        details=f"Your account was signed in to{whence}. "
        "If this was you, there is nothing to do. If not, end that session; you need not sign in for it.",
        after="It is good for 7 days and once. Then set a new password, as whoever signed in knows yours.",
    )


def _on_device(message: Mapping[str, Any]) -> str:
    """The device's name, unless mail programs might turn it into a link: anybody can register somebody else's address
    and choose the name of the device."""
    name = str(message.get("device_name", ""))
    plain = len(name) <= DEVICE_MAX_CHARS and not any(char in ".:/@" for char in name)
    return f" on “{name}”" if name and plain else ""


def _reused(message: Mapping[str, Any]) -> RenderedMail:
    return _render(
        message,
        "A sign-in of yours was ended for safety",
        [
            f"A sign-in of your account{_on_device(message)} was used from two places at once, as if its key had "
            "been copied. We have ended it.",
            "Please sign in again. If you don't know how this could happen, change your password and look through "
            "your list of sessions.",
        ],
    )


def _notice(message: Mapping[str, Any]) -> RenderedMail:
    subject, text = _EVENTS[message["event"]]
    doubt = "If this was not you, change your password now and look through your list of sessions."
    return _render(message, subject, [text, doubt])


def _with_token(message: Mapping[str, Any], *, subject: str, path: str, details: str, after: str) -> RenderedMail:
    token = str(message["token"])
    if not config().public_url:  # a stack without a web client
        return _render(message, subject, [f"{details} This is the code:", token, after])
    link = f"{config().public_url}/{path}?token={token}"
    return _render(
        message, subject, [f"{details} Open this link:", link, "or enter this code:", token, after], link=link
    )


def _render(message: Mapping[str, Any], subject: str, parts: list[str], *, link: str = "") -> RenderedMail:
    """Each part is a paragraph, so that a token is alone on its line."""
    from html import escape  # imported here because every sign-in imports this module, and only the mailer renders

    username = str(message.get("username", ""))
    paragraphs = [f"Hello {username}," if username else "Hello,", *parts, "SecureConnect"]
    anchor = f'<a href="{escape(link)}">{escape(link)}</a>'
    html = "".join(f"<p>{anchor if part == link else escape(part)}</p>" for part in paragraphs)
    return RenderedMail(
        subject,
        "\n\n".join(paragraphs) + "\n",
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(subject)}</title></head>'
        f"<body>{html}</body></html>",
    )
