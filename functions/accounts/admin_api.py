"""What only platform admins may do with an account, and the work that follows; apart, so that nobody else loads it."""

from __future__ import annotations

from accounts.service import END_SESSIONS, authenticate, ban, bans, end_everything, holder, unban
from accounts.sessions import CLOSE_SOCKETS

__all__ = ["CLOSE_SOCKETS", "END_SESSIONS", "authenticate", "ban", "bans", "end_everything", "holder", "unban"]
