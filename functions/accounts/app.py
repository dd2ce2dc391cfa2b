"""Routes of accounts and sessions (contract §2)."""

from __future__ import annotations

from typing import Any

from accounts import recovery, schemas, signin
from accounts.factors import passkey_routes, totp_routes
from accounts.sessions import new_devices
from accounts.sessions import service as sessions
from accounts.sessions.authentication import authenticate_by_table
from kernel import auth
from kernel.answers import Answer, FirstAnswer
from kernel.caller import Caller
from kernel.http import App
from kernel.incoming import Incoming
from kernel.limiter import Limit
from kernel.schema import Paging


def _per_address(name: str, requests: int) -> Limit:
    return Limit(name, requests=requests, window_s=60, without_redis="closed", per="address")


REGISTRATIONS = _per_address("register", 20)
# Guessing at one account is stopped by its lockout. This limit is against floods and guessing at many accounts: 5/s
# keep 2 of the function's 20 environments busy with bcrypt. It applies to an IP address, so it is well above the 100
# failures of one account that must not keep others at that address out (R35).
SIGN_INS = _per_address("login", 300)
FORGOTTEN = _per_address("forgot", 10)
TOKENS = _per_address("one_time_tokens", 30)
REFRESHES = Limit("refresh", requests=600, window_s=60, per="address")
PASSWORD_CHANGES = Limit("password_change", requests=10, window_s=900, without_redis="closed")
RESENDS = Limit("resend", requests=10, window_s=3600, without_redis="closed")
JWKS_MAX_AGE_S = 300


def _unused(first: FirstAnswer, **_: Any) -> bool:
    """Whether a repeated sign-in may get the same tokens: until they are used, or the session or password changes."""
    return signin.are_unused(first.body["tokens"])


app = App("accounts", authenticate=authenticate_by_table)
totp_routes.add_to(app)
passkey_routes.add_to(app)


@app.post(
    "/auth/register",
    public=True,
    body=schemas.Registration,
    returns=schemas.SignedIn,
    status=201,
    limits=[REGISTRATIONS],
    errors=["email_taken", "username_taken"],
    may_replay=_unused,
)
def register(body: schemas.Registration, request: Incoming) -> Any:
    """Create an account and sign in."""
    user, tokens = signin.register(**body.model_dump(), ip=request.address)
    return {"user": user, "tokens": tokens}


@app.post(
    "/auth/login",
    public=True,
    body=schemas.SignIn,
    returns=schemas.SignedIn,
    limits=[SIGN_INS],
    errors=["invalid_credentials", "totp_required", "passkey_required", "account_banned", "account_locked"],
    may_replay=_unused,
    measured_as="SignInDuration",
)
def login(body: schemas.SignIn, request: Incoming) -> Any:
    """Sign in with e-mail address or username."""
    user, tokens = signin.login(**body.model_dump(), ip=request.address)
    return {"user": user, "tokens": tokens}


@app.post(
    "/auth/refresh",
    public=True,
    body=schemas.Refresh,
    returns=schemas.Refreshed,
    limits=[REFRESHES],
    errors=["refresh_reused", "token_revoked"],
    may_replay=sessions.tokens_are_unused,
)
def refresh(body: schemas.Refresh, request: Incoming) -> Any:
    """Exchange a refresh token for new tokens."""
    return {"tokens": sessions.refresh(refresh_token=body.refresh_token, ip=request.address)}


@app.post("/auth/logout", status=204, while_enrolling=True)
def logout(caller: Caller) -> None:
    """End this session."""
    sessions.end_current(caller)


@app.post("/auth/logout-all", status=204, while_enrolling=True)
def logout_all(caller: Caller) -> None:
    """End all sessions of the caller."""
    sessions.end_all(caller.user_id, reason="logout")


@app.get("/auth/sessions", query=Paging, returns=schemas.SessionList)
def list_sessions(caller: Caller, query: Paging) -> Any:
    """The caller's sessions, newest first."""
    page = sessions.list_sessions(user_id=caller.user_id, limit=query.limit, after=query.cursor)
    items = [
        {
            "session_id": session.session_id,
            "device_name": session.device_name,
            "ip": session.ip,
            "created_at": session.created_at,
            "last_seen_at": session.last_seen_at,
            "current": session.session_id == caller.session_id,
        }
        for session in page.items
    ]
    return {"items": items, "next_cursor": page.next_cursor}


@app.delete("/auth/sessions/{session_id}", status=204)
def end_session(caller: Caller, session_id: str) -> None:
    """End one of the caller's sessions."""
    sessions.end_one(user_id=caller.user_id, session_id=session_id)


@app.post(
    "/auth/sessions/disown",
    public=True,
    body=schemas.Disowning,
    status=204,
    limits=[TOKENS],
    errors=["invalid_token"],
)
def disown_session(body: schemas.Disowning) -> None:
    """End a session that somebody else has begun, and all newer ones, by the token of the e-mail about it."""
    new_devices.disown(body.token)


@app.post(
    "/auth/password/change",
    body=schemas.PasswordChange,
    status=204,
    limits=[PASSWORD_CHANGES],
    errors=["invalid_credentials"],
)
def change_password(caller: Caller, body: schemas.PasswordChange) -> None:
    """Set a new password; the caller's other sessions end."""
    recovery.change_password(caller=caller, current_password=body.current_password, new_password=body.new_password)


@app.post("/auth/password/forgot", public=True, body=schemas.ForgottenPassword, status=202, limits=[FORGOTTEN])
def forgot_password(body: schemas.ForgottenPassword) -> None:
    """Send a token that resets the password; the response is the same if there is no such account."""
    recovery.forgot(body.email)


@app.post(
    "/auth/password/reset",
    public=True,
    body=schemas.PasswordReset,
    status=204,
    limits=[TOKENS],
    errors=["invalid_token"],
)
def reset_password(body: schemas.PasswordReset) -> None:
    """Set a new password by a token; all sessions end."""
    recovery.reset_password(token=body.token, new_password=body.new_password)


@app.post(
    "/auth/email/verify",
    public=True,
    body=schemas.EmailVerification,
    status=204,
    limits=[TOKENS],
    errors=["invalid_token"],
)
def verify_email(body: schemas.EmailVerification) -> None:
    """Verify an e-mail address by the token that was sent to it."""
    recovery.verify_email(body.token)


@app.post("/auth/email/resend", status=202, limits=[RESENDS])
def resend_verification(caller: Caller) -> None:
    """Send another token that verifies the caller's e-mail address."""
    recovery.resend_verification(caller.user_id)


@app.get("/.well-known/jwks.json", public=True, returns=schemas.JwkSet)
def jwks() -> Answer:
    """The public keys of access tokens."""
    return Answer(auth.jwks(), headers={"Cache-Control": f"public, max-age={JWKS_MAX_AGE_S}"})
