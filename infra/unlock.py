"""Lets somebody in again: `python -m infra.unlock USERNAME [--second-factor] [--stack NAME]`.

Forgets the failed attempts that locked the account. With `--second-factor` their authenticator app is taken from the
account as well: do that only when you know who asks (docs/runbooks/locked-out.md). The audit log keeps it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from infra import chosen_stack


def unlock(username: str, *, second_factor: bool) -> str:
    """What was done for the person of this username or e-mail address. Raises SystemExit for nobody."""
    from accounts import admin_api as accounts

    user_id = accounts.holder(username)
    if user_id is None:
        raise SystemExit(f"there is nobody called {username}")
    accounts.forget_attempts(user_id)
    done = f"{username} ({user_id}) is not locked"
    if second_factor:
        done += ", has no second factor any more" if accounts.reset_totp(user_id) else ", has no authenticator app"
    return done


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra.unlock", description="Lets somebody in again.")
    parser.add_argument("username", help="a username or e-mail address")
    chosen_stack.add_option(parser)
    parser.add_argument("--second-factor", action="store_true", help="take the authenticator app from the account too")
    chosen = parser.parse_args(arguments)
    chosen_stack.use(chosen.stack)
    print(unlock(chosen.username, second_factor=chosen.second_factor))
    return 0


if __name__ == "__main__":
    sys.exit(main())
