"""Authenticating calls: a valid access token, and a session that has not ended.

Every function with routes loads this, so it loads nothing else of accounts.
"""

from __future__ import annotations

from dataclasses import replace

from accounts.sessions import liveness
from kernel import auth
from kernel.caller import Authenticator, Caller
from kernel.errors import TokenRevoked
from kernel.session_marks import ENROLLING, LIVE


def admit(caller: Caller, mark: str | None) -> Caller:
    """The caller of a valid token, judged by the mark of the session; raises TokenRevoked if it has ended."""
    return _admitted(caller, liveness.standing_by_mark(caller.user_id, caller.session_id, mark))


def admit_by_table(caller: Caller, _mark: str | None = None) -> Caller:
    """Like `admit`, without the cache: for routes that open or renew something, or are security-relevant.

    So the end of a session that Redis has missed is effective there (R51).
    """
    return _admitted(caller, liveness.standing_by_table(caller.user_id, caller.session_id))


def _admitted(caller: Caller, standing: str) -> Caller:
    if standing not in (LIVE, ENROLLING):
        raise TokenRevoked
    return caller if standing == LIVE else replace(caller, must_enrol=True)


authenticate = Authenticator(auth.verify, admit)
authenticate_by_table = Authenticator(auth.verify, admit_by_table, reads_mark=False)
