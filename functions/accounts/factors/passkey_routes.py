"""Routes of passkeys (contract §2)."""

from __future__ import annotations

from typing import Any

from accounts.factors import passkeys
from accounts.factors.passkey_schemas import (
    NewPasskey,
    Passkey,
    PasskeyChallenge,
    PasskeyList,
    PasskeyRegistration,
    PasskeySignIn,
    StepUp,
)
from accounts.schemas import SignedIn
from accounts.sessions import service as sessions
from kernel.caller import Caller
from kernel.http import App
from kernel.incoming import Incoming
from kernel.limiter import Limit
from kernel.paging import Paginator
from kernel.schema import Paging

PASSKEY_CHANGES = Limit("passkey_changes", requests=60, window_s=900, without_redis="closed")
CHALLENGES = Limit("passkey_challenges", requests=300, window_s=60, without_redis="closed", per="address")
_STEP_UP = ["step_up_required", "invalid_credentials", "account_locked"]


def add_to(app: App) -> None:
    """Register these routes."""

    @app.post(
        "/auth/passkeys/registrations",
        body=StepUp,
        returns=PasskeyRegistration,
        status=201,
        while_enrolling=True,
        limits=[PASSKEY_CHANGES],
        errors=_STEP_UP,
    )
    def begin_passkey(caller: Caller, body: StepUp) -> Any:
        """Begin to add a passkey."""
        registration_id, options = passkeys.begin_registration(caller=caller, password=body.password)
        return {"registration_id": registration_id, "options": options}

    @app.post(
        "/auth/passkeys",
        body=NewPasskey,
        returns=Passkey,
        status=201,
        while_enrolling=True,
        errors=["invalid_token"],
    )
    def add_passkey(caller: Caller, body: NewPasskey) -> Any:
        """Add a passkey that the device has created."""
        return passkeys.add(
            caller=caller, registration_id=body.registration_id, credential=body.credential, name=body.name
        )

    @app.get("/auth/passkeys", query=Paging, returns=PasskeyList, while_enrolling=True)
    def list_passkeys(caller: Caller, query: Paging) -> Any:
        """The caller's passkeys, oldest first: at most 20."""
        paging = Paginator(query.cursor, caller.user_id, "passkeys")
        return paging.page_of_all(passkeys.list_passkeys(caller.user_id), query.limit, lambda each: each.id, list)

    @app.delete(
        "/auth/passkeys/{passkey_id}",
        body=StepUp,
        status=204,
        limits=[PASSKEY_CHANGES],
        errors=[*_STEP_UP, "last_factor"],
    )
    def remove_passkey(caller: Caller, passkey_id: str, body: StepUp) -> None:
        """Remove a passkey."""
        passkeys.remove(caller=caller, passkey_id=passkey_id, password=body.password)

    @app.post(
        "/auth/passkeys/challenges",
        public=True,
        returns=PasskeyChallenge,
        status=201,
        limits=[CHALLENGES],
    )
    def begin_passkey_sign_in() -> Any:
        """A challenge to sign in with a passkey."""
        challenge_id, options = passkeys.begin_sign_in()
        return {"challenge_id": challenge_id, "options": options}

    @app.post(
        "/auth/passkeys/login",
        public=True,
        body=PasskeySignIn,
        returns=SignedIn,
        limits=[CHALLENGES],
        errors=["invalid_credentials"],
        may_replay=sessions.tokens_are_unused,
        measured_as="SignInDuration",
    )
    def login_with_passkey(body: PasskeySignIn, request: Incoming) -> Any:
        """Sign in with a passkey."""
        user, tokens = passkeys.sign_in(**body.model_dump(), ip=request.address)
        return {"user": user, "tokens": tokens}
