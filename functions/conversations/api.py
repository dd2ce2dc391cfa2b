"""Conversations for other domains: fetching and authorising in one call, appending, publishing."""

from __future__ import annotations

from conversations.ban_store import JoinContext, join_context, stage_unban
from conversations.block_notes import NOTE_BLOCK, note_of_block
from conversations.context_loader import ContextLoader
from conversations.erasure import ERASE_CONVERSATION
from conversations.joining import join, plan_join
from conversations.members import affected_members, everybody_in
from conversations.members import remove as remove_member
from conversations.plans import append, append_and_publish
from conversations.ports import Eraser, Preview, register_eraser, register_messages
from conversations.publish import ephemeral_frame, hint, publish_ephemeral, publish_events, publish_to_admins
from conversations.read_work import CONVERSATIONS_AT_ONCE, spend_on_records
from conversations.read_work import spend as spend_read_work
from conversations.service import list_conversations, require_id, require_member
from conversations.store import (
    admins,
    context,
    contexts,
    conversations_of,
    info,
    info_in,
    info_key,
    infos,
    member,
    members,
    members_among,
    members_by_id,
    memberships_of,
    move_marker,
    stage_slot,
    system_context,
)
from conversations.views import conversation as conversation_view
from conversations.views import event_views
from conversations.views import members as member_views
