"""The demand of a second factor (`RequireSecondFactor`; OWASP ASVS 5, V6.3.3): of whom it is made.

They sign in with two factors, or get a session that may only enrol one. Two factors are a password with a code, or a
passkey, which takes the device and its unlocking.
"""

from __future__ import annotations

from kernel.config import config


def is_made_of(user_id: str) -> bool:
    """Whether a second factor is demanded of this person now."""
    of = config().require_second_factor
    if of != "administrators":
        return of == "everybody"
    from users import api as users  # here, as all functions load this module to authenticate callers

    return users.is_platform_admin(user_id)
