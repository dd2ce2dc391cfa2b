"""Alerts about changes of second factors and passkeys, by mail and on the person's devices."""

from __future__ import annotations

from accounts import mail, store
from kernel.caller import Caller
from realtime.api import notify


def alert(caller: Caller, event: mail.SecurityEvent) -> None:
    """Alert the caller to a change of their account; never fails the change."""
    alert_user(caller.user_id, event)


def alert_user(user_id: str, event: mail.SecurityEvent) -> None:
    """Alert a person to a change of their account; never fails the change."""
    notify([user_id], "security", {"reason": event})
    owner = store.credentials(user_id)
    if owner is not None:
        mail.enqueue_if_possible(mail.security_notice(owner, event))
