"""What other domains may ask of keys."""

from __future__ import annotations

import binascii
from base64 import b64decode

from keys import framing
from keys.framing import ContentType, Malformed, WireFormat
from keys.model import EpochOld, InvalidCiphertext, RekeyRequired
from keys.notices import TELL_KEYS_CHANGED
from log.model import MlsGroup

__all__ = ["TELL_KEYS_CHANGED", "require_current_ciphertext"]


def require_current_ciphertext(conversation_id: str, group: MlsGroup, ciphertext: str) -> None:
    """Raises unless this (base 64) is a PrivateMessage of the conversation's group that may be sent now.

    InvalidCiphertext for anything else, RekeyRequired while somebody who is gone could read it, EpochOld with the
    present epoch where it is of neither that epoch nor the one before. What it says is nobody's business here.
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
