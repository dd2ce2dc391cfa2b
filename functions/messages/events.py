"""Registers the events of messages, the previews of conversations, erasure, jobs, and handlers of losses."""

from __future__ import annotations

from typing import Any

from conversations.api import Eraser, register_eraser, register_messages
from kernel import after_commit
from kernel.late import late
from kernel.personal_data import register_personal, register_personal_kinds
from log.api import (
    AccountLost,
    ContactChanged,
    ConversationLost,
    EventType,
    PlainTextLost,
    on_loss,
    register,
)
from log.model import MESSAGE_CREATED
from messages import model
from realtime.api import calling, register_job

_differs = late("messages.views.differs")


def _previews() -> Any:
    from messages import previews

    return previews


def _forget_reactions(work: after_commit.Work) -> None:
    from messages.changes import reactions_store

    reactions_store.erase(work["conversation_id"], work["seq"])


for _name, _specific in (
    (MESSAGE_CREATED, _differs),
    (model.MESSAGE_UPDATED, _differs),
    (model.MESSAGE_DELETED, False),
):
    register(
        EventType(
            _name,
            data="messages.schemas.Message",
            render=late("messages.views.messages_for_viewers"),
            keys=late("messages.views.message_keys"),
            viewer_specific=_specific,
        )
    )
register(
    EventType(model.REACTION_ADDED, data="messages.event_schemas.ReactionEvent"),
    EventType(model.REACTION_REMOVED, data="messages.event_schemas.ReactionEvent"),
    EventType("receipt.updated", data="messages.event_schemas.Receipt", durable=False),
    EventType("draft.updated", data="messages.list_schemas.DraftOut", durable=False),
    EventType("scheduled.failed", data="messages.unsent.scheduled_schemas.Scheduled", durable=False),
    EventType("typing", data="messages.event_schemas.TypingOut", durable=False),
)
register_messages(_previews)
register_eraser(
    Eraser(
        "messages",
        late("messages.erasing.clearing.erase_page"),
        erase_of_members=late("messages.erasing.clearing.erase_drafts"),
    )
)
register_job("typing_over", calling("messages.typing_notice.over", "conversation_id", "user_id"), queue="receipts")
register_job("receipts", calling("messages.reading.receipts.notify", "conversation_id", "user_ids"), queue="receipts")
on_loss(ConversationLost, "typing", late("messages.typing_notice.of_conversation"))
on_loss(ContactChanged, "typing", late("messages.typing_notice.of_contact"))
on_loss(ConversationLost, "drafts", late("messages.unsent.drafts.of_conversation"))
on_loss(ConversationLost, "scheduled", late("messages.unsent.scheduled.of_conversation"))
on_loss(PlainTextLost, "drafts", late("messages.unsent.drafts.of_plain_text"))
on_loss(PlainTextLost, "scheduled", late("messages.unsent.scheduled.of_plain_text"))
on_loss(AccountLost, "scheduled", late("messages.unsent.scheduled.of_account"))
on_loss(ContactChanged, "scheduled", late("messages.unsent.scheduled.of_contact"))
after_commit.register(model.FORGET_REACTIONS, _forget_reactions)
register_personal_kinds(("messages", "earlier_texts"), late("messages.own_data.in_conversations"))
register_personal("reactions", late("messages.own_data.reactions"))
register_personal("drafts", late("messages.own_data.drafts"))
register_personal("scheduled", late("messages.own_data.scheduled"))
