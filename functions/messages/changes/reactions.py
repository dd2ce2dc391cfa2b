"""Reactions: allowed emoji, the limit of kinds per message, and counts."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from conversations.api import ContextLoader
from conversations.model import MemberContext
from kernel import ids
from kernel.caller import Caller
from kernel.errors import Conflict, Gone, NotFound, ValidationFailed
from kernel.transactions import Cancelled, Transaction
from log.model import Event
from messages import message_store
from messages.changes import reactions_store
from messages.changes.changing import MessageChange, change
from messages.model import REACTION_ADDED, REACTION_REMOVED

MAX_KINDS = 20
PICTURE_SELECTOR = "\ufe0f"
MAX_EMOJI_CHARS = 16  # code points; the longest of Unicode's sequences has 10


def require_emoji(text: str) -> str:
    """One emoji of Unicode's list of sequences, whole (a family, a flag, a keycap), as that list spells it in full.

    However a keyboard spells it, with or without the sign that asks for its picture (U+FE0F), it is one reaction.
    """
    found = _fully_qualified().get(text.replace(PICTURE_SELECTOR, "")) if len(text) <= MAX_EMOJI_CHARS else None
    if found is None:
        raise ValidationFailed.of("emoji", "not an emoji")
    return found


@lru_cache(maxsize=1)
def _fully_qualified() -> dict[str, str]:
    """Unicode's fully qualified emoji, by their spelling without selectors."""
    from emoji import EMOJI_DATA, STATUS  # an import of 40 ms, for reactions only

    whole = STATUS["fully_qualified"]
    return {each.replace(PICTURE_SELECTOR, ""): each for each, known in EMOJI_DATA.items() if known["status"] == whole}


def react(
    *, caller: Caller, conversation_id: str, message_id: str, emoji: str, added: bool, for_platform: bool = False
) -> None:
    """Add or remove one's reaction; idempotent. With `for_platform` the caller need not be a member any more.

    Three store round trips: context, message and one's reaction; transaction; connections. Raises Conflict
    `too_many_reactions` for a 21st kind, Gone for a deleted message.
    """
    emoji = require_emoji(emoji)
    seq = ids.position(message_id) if ids.is_id(message_id, "msg") else None
    if seq is None:
        raise NotFound

    def plan(context: MemberContext, message: Event, seen: ContextLoader) -> MessageChange | None:
        context.require_not_blocked()
        if message.deleted_at is not None:
            raise Gone("This message was deleted.")
        (mine,) = seen.records
        if (mine is not None) == added:
            return None
        count = message.reactions.get(emoji, 0) + (1 if added else -1)
        counts = {kind: each for kind, each in {**message.reactions, emoji: count}.items() if each > 0}
        if added and len(counts) > MAX_KINDS:
            raise Conflict(f"A message takes at most {MAX_KINDS} kinds of reactions.", code="too_many_reactions")

        def stage(transaction: Transaction, event_seq: int) -> None:
            reactions_store.stage(transaction, message, emoji=emoji, user_id=caller.user_id, added=added)
            message_store.stage_count(transaction, message, event_seq, emoji, count)

        return MessageChange(
            REACTION_ADDED if added else REACTION_REMOVED,
            replace(message, reactions=counts),
            stage,
            {"user_id": caller.user_id, "emoji": emoji},
        )

    try:
        change(
            caller=caller,
            conversation_id=conversation_id,
            message_id=message_id,
            plan=plan,
            records=[reactions_store.key(conversation_id, seq, emoji, caller.user_id)],
            for_platform=for_platform,
        )
    except Cancelled as refused:
        if "reaction" not in refused.failed:  # else another request of theirs has just done the same
            raise
