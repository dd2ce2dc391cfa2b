"""Authentication for all functions.

`admin_api` and `session_api` have the rest, so that no function loads more than it needs.
"""

from __future__ import annotations

from accounts.sessions.authentication import authenticate, authenticate_by_table
