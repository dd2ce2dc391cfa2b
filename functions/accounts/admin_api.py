"""What platform admins may do with an account, what proves who one is, and the work that follows; apart, so that few
load it."""

from __future__ import annotations

from accounts.service import (
    END_ERASED,
    END_SESSIONS,
    authenticate,
    ban,
    bans,
    end_everything,
    holder,
    require_password,
    require_recent_proof,
    sessions_shown,
    unban,
)
from accounts.sessions import CLOSE_SOCKETS

__all__ = [
    "CLOSE_SOCKETS",
    "END_ERASED",
    "END_SESSIONS",
    "authenticate",
    "ban",
    "bans",
    "end_everything",
    "holder",
    "require_password",
    "require_recent_proof",
    "sessions_shown",
    "unban",
]
