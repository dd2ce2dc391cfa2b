"""What platform admins may do with an account, what proves who one is, and the work that follows; apart, so that few
load it."""

from __future__ import annotations

from accounts.new_devices import END_DISOWNED, TELL_OF_SIGN_IN
from accounts.sessions import CLOSE_SOCKETS
from accounts.sessions import authenticate_by_table as authenticate
from accounts.sessions import shown as sessions_shown
from accounts.standing import END_ERASED, END_SESSIONS, ban, bans, end_everything, unban
from accounts.step_up import require_password, require_recent_proof
from accounts.store import forget_attempts
from accounts.store import owner as holder
from accounts.totp import reset as reset_totp

__all__ = [
    "CLOSE_SOCKETS",
    "END_DISOWNED",
    "END_ERASED",
    "END_SESSIONS",
    "TELL_OF_SIGN_IN",
    "authenticate",
    "ban",
    "bans",
    "end_everything",
    "forget_attempts",
    "holder",
    "require_password",
    "require_recent_proof",
    "reset_totp",
    "sessions_shown",
    "unban",
]
