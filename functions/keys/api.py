"""Keys for other domains."""

from __future__ import annotations

import binascii
from base64 import b64decode

from keys import framing
from keys.framing import ContentType, Malformed, WireFormat
from keys.model import MLS_CHANGE, PUBLISH_KEYS_CHANGED, EpochOld, InvalidCiphertext, RekeyRequired
from log import api as log
from log.model import MlsGroup


def require_current_ciphertext(conversation_id: str, group: MlsGroup, ciphertext: str) -> None:
    """Require that a base 64 text is a PrivateMessage of the conversation's group that may be sent now.

    Raises InvalidCiphertext for anything else, RekeyRequired while a removed member or device could decrypt it, and
    EpochOld (with the present epoch) unless it is of the present epoch or the one before.
    """
    try:
        framed = framing.framed(b64decode(ciphertext, validate=True))
    except (Malformed, binascii.Error) as error:
        raise InvalidCiphertext from error
    kinds = (framed.wire_format, framed.content_type)
    if kinds != (WireFormat.PRIVATE_MESSAGE, ContentType.APPLICATION) or framed.group_id != conversation_id.encode():
        raise InvalidCiphertext
    if group.rekey_due:
        raise RekeyRequired(more={"epoch": group.epoch})
    if not max(group.oldest_epoch, group.epoch - 1) <= framed.epoch <= group.epoch:
        raise EpochOld(more={"epoch": group.epoch})


def erase_change(conversation_id: str, seq: int) -> None:
    """Erase the ciphertext of an encrypted change of messages, for the erasure of its sender. Idempotent."""
    event = log.event_at(conversation_id, seq)
    if event is None or event.type != MLS_CHANGE:
        return
    data = {**event.data, "client_id": "erased", "sender_device": None, "ciphertext": ""}
    row = log.EventRecord(conversation_id, seq)
    row.update([log.EventRecord.data.set(data), log.EventRecord.sent_as.remove()], log.EventRecord.seq.exists())
