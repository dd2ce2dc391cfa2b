"""What platform admins may do with an account."""

from __future__ import annotations

from accounts.sessions import authenticate_by_table as authenticate
from accounts.standing import END_SESSIONS as END_SESSIONS
from accounts.standing import ban as ban
from accounts.standing import bans as bans
from accounts.standing import end_everything as end_everything
from accounts.standing import unban as unban
from accounts.store import owner as holder

__all__ = ["END_SESSIONS", "authenticate", "ban", "bans", "end_everything", "holder", "unban"]
