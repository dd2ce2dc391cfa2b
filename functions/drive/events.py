"""The drive's events about inspected files, and its reactions to lost access and erased conversations."""

from __future__ import annotations

from conversations.api import Eraser, register_eraser
from kernel.late import late
from kernel.personal_data import register_personal, register_personal_kinds
from log.api import AccountLost, ContactChanged, ConversationLost, EventType, PlainTextLost, on_loss, register

register(
    EventType("file.ready", data="drive.schemas.File", durable=False),
    EventType("file.rejected", data="drive.schemas.File", durable=False),
)
on_loss(ConversationLost, "uploads", late("drive.uploads.lost_access.abort_of_conversation"))
on_loss(PlainTextLost, "uploads", late("drive.uploads.lost_access.abort_of_plain_text"))
on_loss(AccountLost, "uploads", late("drive.uploads.lost_access.abort_of_account"))
on_loss(ContactChanged, "shares", late("drive.sharing.blocked_shares.revoke_between"))
register_eraser(Eraser("drive", late("drive.sharing.attachments.erase_conversation")))
register_personal_kinds(("files", "folders", "shares", "links"), late("drive.person_port.of_nodes"))
register_personal("favourites", late("drive.person_port.favourites"))
