"""The log as other domains use it."""

from __future__ import annotations

from log.appending import AppendPlan, append
from log.duplicates import DuplicateSend, original_event, replay_duplicate
from log.head_store import head, head_key, head_of, stage_call_over, stage_new_head
from log.losses import (
    LOSSES,
    AccountLost,
    ContactChanged,
    ConversationLost,
    SessionsLost,
    carry_out,
    tell_loss,
    when_lost,
)
from log.model import Send, moment
from log.registry import EventType, Rendering, Shown, Viewer, event_type, register
from log.rendering import event_view, event_views
from log.rows import Rows
from log.sends_store import OriginalSend, forget_send, forget_sends, original_send, send_key, sent_by
from log.store import (
    EXPIRY_SHARDS,
    EventRecord,
    at,
    erase,
    event_key,
    event_of,
    events,
    messages,
    not_deleted,
    stage_first,
    stored,
)
from log.subscriptions import deliver, subscribe

__all__ = [
    "EXPIRY_SHARDS",
    "LOSSES",
    "AccountLost",
    "AppendPlan",
    "ContactChanged",
    "ConversationLost",
    "DuplicateSend",
    "EventRecord",
    "EventType",
    "OriginalSend",
    "Rendering",
    "Rows",
    "Send",
    "SessionsLost",
    "Shown",
    "Viewer",
    "append",
    "at",
    "carry_out",
    "deliver",
    "erase",
    "event_key",
    "event_of",
    "event_type",
    "event_view",
    "event_views",
    "events",
    "forget_send",
    "forget_sends",
    "head",
    "head_key",
    "head_of",
    "messages",
    "moment",
    "not_deleted",
    "original_event",
    "original_send",
    "register",
    "replay_duplicate",
    "send_key",
    "sent_by",
    "stage_call_over",
    "stage_first",
    "stage_new_head",
    "stored",
    "subscribe",
    "tell_loss",
    "when_lost",
]
