"""People for other domains: profiles, settings, blocks and contacts."""

from __future__ import annotations

from users.relations import blocks, contacts
from users.service import (
    add_profile_to,
    blocked_ids,
    blockers_among,
    blocks_between,
    cancel_erasure_in,
    change,
    contact_ids,
    contacts_among,
    directory_entries,
    erase,
    get,
    ids_by_username,
    is_platform_admin,
    list_profiles,
    profile_in,
    profile_key,
    profiles_of,
    public_profiles,
    reachable,
    receivers,
    receiving_pairs,
    require_no_block_in,
    require_reachable,
    require_user,
    schedule_erasure_in,
    set_role_in,
    settings_of,
    verify_email_in,
)
