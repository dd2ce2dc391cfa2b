"""Makes somebody a platform admin, or revokes the role: `python -m infra.admin USERNAME [--stack NAME] [--revoke]`.

The first admin is made by somebody with write access to the deployment's tables, never by a route. Without `--stack`
the command uses the local stack (`make up`), whose addresses are in .local/endpoints.json; in AWS the usual credentials
and Region of the environment apply.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from infra import chosen_stack


def give(username: str, *, role: str) -> str:
    """Give the person with this username (or e-mail address) the role; returns a line to print. Raises SystemExit."""
    from administration import service
    from kernel.errors import NotFound

    user_id = chosen_stack.account(username)
    try:
        service.give_role(user_id=user_id, role="admin" if role == "admin" else "user", by=None)
    except NotFound:
        raise chosen_stack.nobody(username) from None
    return f"{username} ({user_id}) has the role {role}"


def main(arguments: Sequence[str] | None = None) -> int:
    username, revoke = chosen_stack.arguments_about_an_account(
        "infra.admin", "Makes a platform admin.", option="--revoke", help="take the role back", given=arguments
    )
    print(give(username, role="user" if revoke else "admin"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
