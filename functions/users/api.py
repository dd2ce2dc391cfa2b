"""People for other domains: profiles, settings, blocks and contacts."""

from __future__ import annotations

from users.relations import blocks, contacts
from users.relations_store import stage_no_block as require_no_block_in
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
    existing,
    get,
    ids_by_username,
    is_platform_admin,
    public_profiles,
    reachable,
    receivers,
    receiving_pairs,
    require_reachable,
    require_user,
    schedule_erasure_in,
    settings_of,
    shown,
)
from users.store import key as profile_key
from users.store import page as list_profiles
from users.store import profile_in
from users.store import profiles as profiles_of
from users.store import stage_role as set_role_in
from users.store import stage_verified as verify_email_in
