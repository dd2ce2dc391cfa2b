"""The event types of keys: commits, proposals and changes of groups, changes of keys, hints to devices."""

from __future__ import annotations

from conversations.api import Eraser, register_eraser
from conversations.model import KEYS_CHANGED
from kernel import after_commit
from kernel.late import late
from kernel.personal_data import register_personal
from keys.model import KEYS_LOW, MLS_CHANGE, MLS_COMMIT, MLS_PROPOSAL, MLS_WELCOME, PUBLISH_KEYS_CHANGED
from log.api import EventType, register

register(
    EventType(MLS_COMMIT, data="keys.schemas.CommitEvent"),
    EventType(MLS_PROPOSAL, data="keys.schemas.ProposalEvent"),
    EventType(MLS_CHANGE, data="keys.schemas.ChangeEvent"),
    EventType(KEYS_CHANGED, data="keys.schemas.KeyLogEntry"),
    EventType(MLS_WELCOME, data="keys.schemas.WelcomeNotice", durable=False),
    EventType(KEYS_LOW, data="keys.schemas.LowPackages", durable=False),
)
after_commit.register(PUBLISH_KEYS_CHANGED, late("keys.key_events.publish_keys_changed"))
register_eraser(Eraser("keys", late("keys.group_store.erase")))
register_personal("encryption_devices", late("keys.own_data.devices"))
register_personal("key_log", late("keys.own_data.log_entries"))
register_personal("key_backup", late("keys.own_data.backup"))
