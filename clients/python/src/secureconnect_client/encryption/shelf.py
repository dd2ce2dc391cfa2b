"""What a device has of conversations, in its vault: messages, its place in each log, what is on its way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from secureconnect_client.encryption.content import hash_of
from secureconnect_client.encryption.decrypted import DecryptedMessage, kept, message_of
from secureconnect_client.encryption.errors import NotInGroup
from secureconnect_client.encryption.vault import Vault


class Shelf:
    """Messages by conversation and seq, contents by the `client_id` of their message or change."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    # -- decrypted messages

    def recall(self, conversation_id: str, seq: int) -> DecryptedMessage | None:
        """The message at a seq of the log, if this device has read it."""
        return self._stored(f"said/{conversation_id}/{seq:012d}")

    def find(self, conversation_id: str, message_id: str | None) -> DecryptedMessage | None:
        """A message by its id, if this device has read it."""
        seq = self._vault.get(f"seq/{conversation_id}/{message_id}")
        return None if seq is None else self.recall(conversation_id, int(seq))

    def decrypted(self, conversation_id: str) -> list[DecryptedMessage]:
        """All messages that this device has read or written in a conversation, in order."""
        return self._all(f"said/{conversation_id}/")

    def newest(self, conversation_id: str, *, below: int | None = None) -> Iterator[DecryptedMessage]:
        """The messages of a conversation before a seq, newest first, each read when it is asked for."""
        prefix = f"said/{conversation_id}/"
        for name in reversed(self._vault.names(prefix)):
            if below is None or name < f"{prefix}{below:012d}":
                message = self._stored(name)
                if message is not None:
                    yield message

    def everything(self) -> list[DecryptedMessage]:
        """All messages with a text, of all conversations, newest first."""
        found = [each for each in self._all("said/") if each.text is not None]
        return sorted(found, key=lambda each: each.message_id, reverse=True)

    def remember(self, message: DecryptedMessage) -> None:
        conversation_id, seq = message.conversation_id, message.seq
        self._vault.put(f"said/{conversation_id}/{seq:012d}", json.dumps(kept(message)).encode())
        self._vault.put(f"seq/{conversation_id}/{message.message_id}", str(seq).encode())
        if message.text is not None:
            self.note_encrypted(conversation_id, seq)

    def take_back(self, message: DecryptedMessage) -> bool:
        """Store a message of a backup; returns whether it was new to this device.

        Known and expired messages are left out, and those ahead of this device's place in the log, which it
        decrypts itself.
        """
        if message.as_of(datetime.now(UTC)) is not message:
            return False
        known = self.recall(message.conversation_id, message.seq)
        if known is not None and (known.text is not None or known.device_id is not None):
            return False  # one with a device and no text was deleted here
        with suppress(NotInGroup):
            if message.seq > self.place(message.conversation_id)[1]:
                return False
        self.remember(message)
        return True

    def _all(self, prefix: str) -> list[DecryptedMessage]:
        stored = (self._stored(name) for name in self._vault.names(prefix))
        return [each for each in stored if each is not None]

    def _stored(self, name: str) -> DecryptedMessage | None:
        """A message of the vault; its content is removed there if it has expired."""
        raw = self._vault.get(name)
        if raw is None:
            return None
        message = message_of(json.loads(raw))
        now = message.as_of(datetime.now(UTC))
        if now is not message:
            self.remember(now)
        return now

    # -- from where on a conversation is encrypted

    def encrypted_from(self, conversation_id: str) -> int | None:
        """The seq after which all of a conversation is encrypted, as far as this device knows."""
        seq = self._vault.get(f"encrypted/{conversation_id}")
        return None if seq is None else int(seq)

    def note_encrypted(self, conversation_id: str, seq: int) -> None:
        """Keep the seq of something encrypted, if it is the earliest: what is later is never believed."""
        known = self.encrypted_from(conversation_id)
        if known is None or seq < known:
            self._vault.put(f"encrypted/{conversation_id}", str(seq).encode())

    # -- contents that are being sent

    def sending(self, client_id: str) -> bytes | None:
        """The application data that is being sent, until `end_sending`."""
        return self._vault.get(f"sending/{client_id}")

    def begin_sending(self, client_id: str, data: bytes) -> None:
        self._vault.put(f"sending/{client_id}", data)

    def end_sending(self, client_id: str) -> None:
        self._vault.remove(f"sending/{client_id}")
        self._vault.remove(f"attempts/{client_id}")

    def note_attempt(self, client_id: str, ciphertext: str) -> None:
        """Keep the hash of a ciphertext that is about to be sent."""
        attempts = [*self._attempts(client_id), hash_of(ciphertext)]
        self._vault.put(f"attempts/{client_id}", json.dumps(attempts).encode())

    def own_hash(self, client_id: str, ciphertext: str | None) -> str | None:
        """The hash of an own message: of the ciphertext that the server names, if this device has sent it."""
        attempts = self._attempts(client_id)
        named = hash_of(ciphertext or "")
        return named if named in attempts else next(reversed(attempts), None)

    def _attempts(self, client_id: str) -> list[str]:
        found: list[str] = json.loads(self._vault.get(f"attempts/{client_id}") or b"[]")
        return found

    def sent(self, client_id: str) -> int | None:
        """The seq of a message that was sent; None for others and for changes."""
        seq = self._vault.get(f"sent/{client_id}")
        return None if seq is None else int(seq)

    def mark_sent(self, client_id: str, seq: int) -> None:
        self._vault.put(f"sent/{client_id}", str(seq).encode())
        self.end_sending(client_id)

    # -- the place in a conversation's log, and the commit on its way

    def place(self, conversation_id: str) -> tuple[int, int]:
        """The group's epoch, and the seq up to which its log was read. Raises NotInGroup."""
        kept = self._vault.get(f"place/{conversation_id}")
        if kept is None:
            raise NotInGroup(f"this device is not in the group of {conversation_id}")
        epoch, seq = json.loads(kept)
        return epoch, seq

    def set_place(self, conversation_id: str, *, epoch: int, seq: int) -> None:
        self._vault.put(f"place/{conversation_id}", json.dumps([epoch, seq]).encode())
        if epoch:  # before its first commit a group protects nothing
            self.note_encrypted(conversation_id, seq)

    def pending(self, conversation_id: str) -> dict[str, Any] | None:
        """The commit that was sent in the present epoch and has no answer yet. Raises NotInGroup."""
        kept = self._vault.get(f"pending/{conversation_id}")
        body: dict[str, Any] | None = None if kept is None else json.loads(kept)
        return body if body and body["epoch"] == self.place(conversation_id)[0] else None

    def set_pending(self, conversation_id: str, body: Mapping[str, Any]) -> None:
        self._vault.put(f"pending/{conversation_id}", json.dumps(body).encode())

    def end_pending(self, conversation_id: str) -> None:
        self._vault.remove(f"pending/{conversation_id}")

    def forget(self, conversation_id: str) -> None:
        """Forget a conversation's group, but not its messages."""
        for name in (f"{kind}/{conversation_id}" for kind in ("place", "pending", "group", "pending-group")):
            self._vault.remove(name)
        for name in self._vault.names(f"epoch/{conversation_id}/"):
            self._vault.remove(name)
