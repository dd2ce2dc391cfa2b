"""Unlocks an account: `python -m infra.unlock USERNAME [--second-factor] [--stack NAME]`.

It deletes the failed attempts that locked the account. With `--second-factor` it also removes the authenticator app
and all passkeys from the account: do that only when you are certain who asks (docs/runbooks/locked-out.md). The person
is notified on their devices and by mail, and the audit log records it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from infra import chosen_stack


def unlock(username: str, *, second_factor: bool) -> str:
    """Unlock the account of this username or e-mail address; returns lines to print. Raises SystemExit if unknown."""
    from accounts import admin_api as accounts

    user_id = chosen_stack.account(username)
    accounts.delete_attempts(user_id)
    done = f"{username} ({user_id}) is not locked"
    if second_factor:
        had = [accounts.reset_totp(user_id), accounts.reset_passkeys(user_id) > 0]
        done += ", has no second factor any more" if any(had) else ", has no second factor"
    return done


def main(arguments: Sequence[str] | None = None) -> int:
    username, second_factor = chosen_stack.arguments_about_an_account(
        "infra.unlock",
        "Lets somebody in again.",
        option="--second-factor",
        help="take the authenticator app and the passkeys from the account too",
        given=arguments,
    )
    if second_factor:
        chosen_stack.use_queues(MAIL_QUEUE_URL="mail", NOTIFICATIONS_QUEUE_URL="notifications")
    print(unlock(username, second_factor=second_factor))
    return 0


if __name__ == "__main__":
    sys.exit(main())
