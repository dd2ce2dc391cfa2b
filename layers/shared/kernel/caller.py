"""Who calls. Apart from `auth`, so that a function that checks no token does not load what checks them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a person in one session, on a socket when `connection_id` is set."""

    user_id: str
    session_id: str
    connection_id: str = ""
