"""Conversations as other domains use them: fetching and authorising in one call, appending, telling."""

from __future__ import annotations

from conversations.ban_store import Doorway, doorway, stage_unban
from conversations.block_notes import NOTE_BLOCK, note_of_block
from conversations.context_loader import ContextLoader
from conversations.erasure import ERASE_CONVERSATION
from conversations.joining import enter, plan_one
from conversations.members import remove as remove_member
from conversations.members import who_lost
from conversations.plans import append, append_and_publish, with_info
from conversations.ports import Eraser, Preview, register_eraser, register_messages
from conversations.publish import ephemeral_frame, missed, publish_ephemeral, publish_events, to_admins
from conversations.read_work import CONVERSATIONS_AT_ONCE
from conversations.read_work import spend as spend_read_work
from conversations.read_work import spend_on_records as spend_on_records
from conversations.record_store import member_of
from conversations.service import known, list_conversations, require_member
from conversations.store import (
    admins,
    context,
    context_in,
    context_keys,
    contexts,
    conversations_of,
    info,
    info_in,
    info_key,
    infos,
    member,
    member_key,
    members,
    members_among,
    members_by_id,
    move_marker,
    stage_slot,
    standing_of,
    system_context,
)
from conversations.views import conversation as conversation_view
from conversations.views import event_views
from conversations.views import members as member_views

__all__ = [
    "CONVERSATIONS_AT_ONCE",
    "ERASE_CONVERSATION",
    "NOTE_BLOCK",
    "ContextLoader",
    "Doorway",
    "Eraser",
    "Preview",
    "admins",
    "append",
    "append_and_publish",
    "context",
    "context_in",
    "context_keys",
    "contexts",
    "conversation_view",
    "conversations_of",
    "doorway",
    "enter",
    "ephemeral_frame",
    "event_views",
    "info",
    "info_in",
    "info_key",
    "infos",
    "known",
    "list_conversations",
    "member",
    "member_key",
    "member_of",
    "member_views",
    "members",
    "members_among",
    "members_by_id",
    "missed",
    "move_marker",
    "note_of_block",
    "plan_one",
    "publish_ephemeral",
    "publish_events",
    "register_eraser",
    "register_messages",
    "remove_member",
    "require_member",
    "spend_on_records",
    "spend_read_work",
    "stage_slot",
    "stage_unban",
    "standing_of",
    "system_context",
    "to_admins",
    "who_lost",
    "with_info",
]
