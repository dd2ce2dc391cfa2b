"""People as other domains know them: their profiles and choices, and what stands between two of them."""

from __future__ import annotations

from users.service import (
    add_profile_to,
    blocked_by,
    blocked_pairs,
    blocks_between,
    contact_ids,
    contacts_among,
    everybody,
    found_by,
    get,
    is_platform_admin,
    named,
    profiles_of,
    public_profiles,
    require_no_block_in,
    require_user,
    set_role_in,
    settings_of,
    verify_email_in,
)

__all__ = [
    "add_profile_to",
    "blocked_by",
    "blocked_pairs",
    "blocks_between",
    "contact_ids",
    "contacts_among",
    "everybody",
    "found_by",
    "get",
    "is_platform_admin",
    "named",
    "profiles_of",
    "public_profiles",
    "require_no_block_in",
    "require_user",
    "set_role_in",
    "settings_of",
    "verify_email_in",
]
