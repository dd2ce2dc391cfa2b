"""Lets somebody in again: `python -m infra.unlock USERNAME [--second-factor] [--stack NAME]`.

Forgets the failed attempts that locked the account. With `--second-factor` their authenticator app is taken from the
account as well: do that only when you know who asks (docs/runbooks/locked-out.md). They are told of it on their devices
and by mail, and the audit log keeps it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from infra import chosen_stack


def unlock(username: str, *, second_factor: bool) -> str:
    """What was done for the person of this username or e-mail address. Raises SystemExit for nobody."""
    from accounts import admin_api as accounts

    user_id = chosen_stack.account(username)
    accounts.delete_attempts(user_id)
    done = f"{username} ({user_id}) is not locked"
    if second_factor:
        done += ", has no second factor any more" if accounts.reset_totp(user_id) else ", has no authenticator app"
    return done


def main(arguments: Sequence[str] | None = None) -> int:
    username, second_factor = chosen_stack.arguments_about_an_account(
        "infra.unlock",
        "Lets somebody in again.",
        option="--second-factor",
        help="take the authenticator app from the account too",
        given=arguments,
    )
    if second_factor:
        chosen_stack.use_queues(MAIL_QUEUE_URL="mail", NOTIFICATIONS_QUEUE_URL="notifications")
    print(unlock(username, second_factor=second_factor))
    return 0


if __name__ == "__main__":
    sys.exit(main())
