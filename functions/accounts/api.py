"""What every function asks of accounts: who calls, and whether their session stands.

What only platform admins may do with an account stands in `service`, so that nobody else loads it.
"""

from __future__ import annotations

from accounts.liveness import is_live
from accounts.liveness import stands as session_stands
from accounts.sessions import authenticate, authenticate_by_table

__all__ = ["authenticate", "authenticate_by_table", "is_live", "session_stands"]
