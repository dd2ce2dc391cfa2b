"""What every function asks of accounts: who calls.

What only platform admins may do with an account stands in `admin_api`, whether a session stands in `session_api`: so
nobody loads what they do not need.
"""

from __future__ import annotations

from accounts.sessions import authenticate, authenticate_by_table

__all__ = ["authenticate", "authenticate_by_table"]
