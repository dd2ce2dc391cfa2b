"""Makes a platform admin, or takes the role back: `python -m infra.admin USERNAME [--stack NAME] [--revoke]`.

The first admin is made by whoever may write to the deployment's tables, never by a route. Without `--stack` it is
the local stack (`make up`), whose addresses stand in .local/endpoints.json; in AWS the usual credentials and Region
of the environment apply.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from infra import chosen_stack


def give(username: str, *, role: str) -> str:
    """Give the person of this username (or e-mail address) the role; what to print. Raises SystemExit."""
    from accounts import admin_api as accounts
    from administration import service
    from kernel.errors import NotFound

    user_id = accounts.holder(username)
    if user_id is None:
        raise SystemExit(f"there is nobody called {username}")
    try:
        service.give_role(user_id=user_id, role="admin" if role == "admin" else "user", by=None)
    except NotFound:
        raise SystemExit(f"there is nobody called {username}") from None
    return f"{username} ({user_id}) has the role {role}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra.admin", description="Makes a platform admin.")
    parser.add_argument("username", help="a username or e-mail address")
    chosen_stack.add_option(parser)
    parser.add_argument("--revoke", action="store_true", help="take the role back")
    chosen = parser.parse_args(arguments)
    chosen_stack.use(chosen.stack)
    print(give(chosen.username, role="user" if chosen.revoke else "admin"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
