"""Routes of the second factor by codes (contract §2)."""

from __future__ import annotations

from typing import Any

from accounts.factors import totp
from accounts.factors.factor_schemas import NewTotp, TotpCode, TotpEnrolment, TotpRemoval
from kernel.answers import FirstAnswer
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit

FACTOR_CHANGES = Limit("factor_changes", requests=30, window_s=900, without_redis="closed")


def _pending(first: FirstAnswer, caller: Caller, **_: Any) -> bool:
    """Whether a repeated request may get the same secret: until the factor is enabled or another one is begun."""
    return totp.is_pending(caller, secret=first.body["secret"])


def add_to(app: App) -> None:
    """Register these routes."""

    @app.post(
        "/auth/totp",
        body=NewTotp,
        returns=TotpEnrolment,
        status=201,
        while_enrolling=True,
        limits=[FACTOR_CHANGES],
        errors=["invalid_credentials", "account_locked"],
        may_replay=_pending,
    )
    def begin_totp(caller: Caller, body: NewTotp) -> Any:
        """Begin a second factor, which is enabled once it is confirmed by a code."""
        return totp.begin(caller=caller, password=body.password)

    @app.post(
        "/auth/totp/confirm",
        body=TotpCode,
        status=204,
        while_enrolling=True,
        limits=[FACTOR_CHANGES],
        errors=["invalid_credentials", "account_locked"],
    )
    def confirm_totp(caller: Caller, body: TotpCode) -> None:
        """Enable the second factor by a code."""
        totp.confirm(caller=caller, code=body.code)

    @app.delete(
        "/auth/totp",
        body=TotpRemoval,
        status=204,
        limits=[FACTOR_CHANGES],
        errors=["invalid_credentials", "last_factor", "account_locked"],
    )
    def remove_totp(caller: Caller, body: TotpRemoval) -> None:
        """Remove the second factor."""
        totp.remove(caller=caller, password=body.password, code=body.code)
