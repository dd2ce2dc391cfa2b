"""Telling people, by mail and on their devices, what was changed in how their account is signed in to."""

from __future__ import annotations

from accounts import mail, store
from kernel.caller import Caller
from realtime.api import notify


def send(caller: Caller, event: mail.SecurityEvent) -> None:
    """Queue the letter about a change; what it tells of stands also if that fails."""
    send_to(caller.user_id, event)


def send_to(user_id: str, event: mail.SecurityEvent) -> None:
    """The same, for somebody who does not call."""
    notify([user_id], "security", {"reason": event})
    owner = store.credentials(user_id)
    if owner is not None:
        mail.enqueue_if_possible(mail.security_notice(owner, event))
