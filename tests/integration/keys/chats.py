"""Short names for what devices do in encrypted chats."""

from __future__ import annotations

from kernel.caller import Caller
from secureconnect_client.encryption.encryption import Encryption
from tests.helpers import Person


def as_caller(person: Person) -> Caller:
    return Caller(person.user_id, person.session_id)


async def heard(device: Encryption, conversation_id: str) -> list[str | None]:
    """The new messages that a device reads in a conversation, after it has opened its pending Welcomes."""
    await device.join_waiting()
    return [each.text for each in await device.catch_up(conversation_id)]
