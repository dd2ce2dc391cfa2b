"""Step-up: requiring a recent proof of identity before changes of factors, exports and erasure."""

from __future__ import annotations

from accounts import admission, passwords, store
from accounts.factors.model import STEP_UP_MS, StepUpRequired
from accounts.model import Credentials, InvalidCredentials
from accounts.sessions import session_store
from kernel import clock
from kernel.caller import Caller
from kernel.errors import TokenRevoked


def require_password(user_id: str, password: str) -> Credentials:
    """Verify a person's password and return their credentials; raises InvalidCredentials, Locked."""
    with admission.counted_attempt(user_id):
        credentials = store.credentials(user_id)
        if credentials is None or not passwords.matches(password, credentials.password_hash):
            raise InvalidCredentials("The password is wrong.")
    return credentials


def require_recent_proof(caller: Caller, password: str | None) -> None:
    """Require a sign-in or step-up of the session within the last 10 min, or step up now by the password.

    Raises StepUpRequired, InvalidCredentials, Locked, TokenRevoked.
    """
    if password is not None:
        require_password(caller.user_id, password)
        session_store.prove(caller.user_id, caller.session_id)
        return
    session = session_store.find(caller.user_id, caller.session_id)
    if session is None or not session.live:
        raise TokenRevoked
    if clock.now() - session.proved_at > STEP_UP_MS:
        raise StepUpRequired
