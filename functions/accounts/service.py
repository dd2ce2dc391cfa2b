"""What platform admins may do with an account, and what proving who one is takes elsewhere."""

from __future__ import annotations

from accounts.sessions import authenticate_by_table as authenticate
from accounts.sessions import shown as sessions_shown
from accounts.standing import END_ERASED as END_ERASED
from accounts.standing import END_SESSIONS as END_SESSIONS
from accounts.standing import ban as ban
from accounts.standing import bans as bans
from accounts.standing import end_everything as end_everything
from accounts.standing import unban as unban
from accounts.step_up import require_password as require_password
from accounts.step_up import require_recent_proof as require_recent_proof
from accounts.store import owner as holder

__all__ = [
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
