"""The caller of a request. Separate from `auth`, so that functions that verify no tokens do not load its libraries."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A person in one session, on a socket if `connection_id` is set.

    `must_enrol`: the deployment demands a second factor of them, and the session began without one.
    """

    user_id: str
    session_id: str
    connection_id: str = ""
    must_enrol: bool = False
