"""The caller of a request. Separate from `auth`, so that functions that verify no tokens do not load its libraries."""

from __future__ import annotations

from collections.abc import Callable
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


@dataclass(frozen=True, slots=True)
class Authenticator:
    """How an app authenticates its callers. Both steps raise Unauthenticated.

    `verify` makes the caller of a bearer token, without a call to any dependency. `admit` judges the caller's session
    by its mark in Redis (`session_marks`), which is read with the caller's limits; None for an unknown one, or if it
    is not read (`reads_mark`).
    """

    verify: Callable[[str], Caller]
    admit: Callable[[Caller, str | None], Caller]
    reads_mark: bool = True
