"""A person's AI settings: the main switch is in their profile, the other settings are stored here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistant import consent, store
from assistant.model import FEATURES, MICRO, day_ends
from assistant.providers.choice import provider
from assistant.settings import settings
from kernel import clock
from kernel.reads import read_together
from users import api as users


def get(user_id: str) -> dict[str, Any]:
    """A person's AI settings, the provider, and the usage of today's budget: one round trip."""
    now = clock.now()
    rows = read_together([users.profile_key(user_id), *store.account_keys(user_id, now)])
    profile = users.profile_in(rows[0])
    preferences, used, _ = store.account_in(rows[1:])
    budget = settings().person_budget
    return {
        "enabled": profile is not None and profile.settings.ai_enabled,
        "features": {feature: preferences.wants(feature) for feature in FEATURES},
        "language": consent.language_of(profile, preferences),
        "provider": provider().name,
        "leaves_account": provider().leaves_account,
        "budget": {
            "tokens_per_day": budget.tokens,
            "usd_per_day": budget.micro_usd / MICRO,
            "used_tokens": used.tokens,
            "used_usd": used.micro_usd / MICRO,
            "resets_at": day_ends(now),
        },
    }


def change(user_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change the given settings: `enabled`, `features`, `language`; returns all of them."""
    if "enabled" in changes:
        users.change(user_id=user_id, changes={"settings": {"ai_enabled": changes["enabled"]}})
    rest = {name: changes[name] for name in ("features", "language") if name in changes}
    if rest:
        store.change_preferences(user_id, rest)
    return get(user_id)
