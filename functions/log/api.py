"""The log as other domains use it."""

from __future__ import annotations

from log.appending import AppendPlan, append
from log.duplicates import DuplicateSend, original_event, replay_duplicate
from log.head_store import head, head_key, head_of, stage_call_ended, stage_new_head
from log.losses import (
    LOSSES,
    AccountLost,
    ContactChanged,
    ConversationLost,
    PlainTextLost,
    SessionsLost,
    enqueue_loss,
    handle_loss,
    on_loss,
)
from log.model import Send, event_time
from log.registry import DataView, EventType, Rendering, event_type, register
from log.rendering import event_view, event_views
from log.rows import Rows
from log.sends_store import forget_send, forget_sends, original_send, send_key, sent_by
from log.store import (
    EXPIRY_SHARDS,
    EventRecord,
    erase,
    event_at,
    event_key,
    event_of,
    events,
    events_at,
    messages,
    not_deleted,
    stage_event,
    stored,
)
from log.subscriptions import deliver, subscribe
