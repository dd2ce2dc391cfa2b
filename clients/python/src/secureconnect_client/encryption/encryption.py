"""Encrypted conversations on one device: creating, joining, reading and writing.

The log is read by `reader`, groups are changed by `committer`, people and devices checked by `membership`.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from secureconnect_client.api.base import Requester, given
from secureconnect_client.encryption import backup
from secureconnect_client.encryption.changes import Change, packed_change
from secureconnect_client.encryption.committer import TRIES, Committer
from secureconnect_client.encryption.content import Content, Meant, PollContent, Voice, packed
from secureconnect_client.encryption.decrypted import DecryptedMessage, kept, message_of, undecrypted
from secureconnect_client.encryption.engine import Engine, Group
from secureconnect_client.encryption.errors import CannotDecrypt
from secureconnect_client.encryption.files import SealedFile
from secureconnect_client.encryption.groups import Groups
from secureconnect_client.encryption.keylog import KeyLog
from secureconnect_client.encryption.membership import Membership
from secureconnect_client.encryption.reader import LogReader
from secureconnect_client.encryption.requests import base64, mls
from secureconnect_client.encryption.search import FoundPage, find
from secureconnect_client.encryption.shelf import Shelf
from secureconnect_client.encryption.tls import Leaf
from secureconnect_client.encryption.vault import Vault
from secureconnect_client.errors import ApiError
from secureconnect_client.http import segment

PACKAGES = 20  # key packages that are available for others to claim
_MEDIA_LABEL, _MEDIA_KEY_BYTES = "SFrame 1.0 Base Key", 16


class Encryption:
    """End-to-end encryption for the account and device of `engine`: a door to its parts."""

    def __init__(
        self, client: Requester, vault: Vault, engine: Engine, *, user_id: str, device_id: str
    ) -> None:
        self.user_id = user_id
        self.device_id = device_id
        self.key_log = KeyLog(client, vault)
        self._own = own = Leaf(user_id, device_id, engine.signature_key)
        self._client = client
        self._engine = engine
        self._shelf = Shelf(vault)
        self._groups = Groups(engine, self._shelf)
        self._membership = Membership(client, vault, self.key_log, own=f"{user_id}/{device_id}")
        self._reader = LogReader(client, self._shelf, self._groups, self._membership, own=own)
        self._committer = Committer(
            client, self._shelf, self._groups, self._membership, self.key_log, self._reader, own=own
        )

    # -- this device

    async def register(self, name: str) -> None:
        """Register this device under a name, and upload key packages by which others can add it."""
        credential = f"{self.user_id}/{self.device_id}".encode()
        body = {
            "name": name,
            "signature_key": base64(self._engine.signature_key),
            "credential": base64(b"\x00\x01" + bytes([len(credential)]) + credential),
        }
        await self._client.request("PUT", f"/keys/devices/{segment(self.device_id)}", json=body)
        await self.key_log.require_registered(self._own)
        await self.leave_packages()

    async def leave_packages(self) -> int:
        """Upload missing key packages; returns how many are available. Call it on `keys.low`."""
        state = await self._client.request("GET", "/keys/packages", params={"device_id": self.device_id})
        missing = PACKAGES - int(state["available"])
        if missing <= 0:
            return int(state["available"])
        packages = [base64(self._engine.key_package()) for _ in range(missing)]
        body = {"device_id": self.device_id, "packages": packages}
        return int((await self._client.request("POST", "/keys/packages", json=body))["available"])

    async def join_waiting(self) -> list[str]:
        """Open the pending Welcomes for this device; returns the conversations that it has joined.

        A Welcome that cannot be opened is deleted: its key package was lost in a restart. Raises GhostDevice.
        """
        joined = []
        params = {"device_id": self.device_id}
        for each in (await self._client.request("GET", "/keys/welcomes", params=params))["items"]:
            try:
                group = self._engine.join(b64decode(each["welcome"]))
            except CannotDecrypt:
                pass
            else:
                if await self._enter(each["conversation_id"], int(each["epoch"]), group):
                    joined.append(each["conversation_id"])
            await self._client.request("DELETE", f"/keys/welcomes/{segment(each['id'])}")
        return joined

    async def _enter(self, conversation_id: str, epoch: int, group: Group) -> bool:
        """Join a group; returns whether this person is still a member of the conversation."""
        try:
            await self._membership.require_honest(conversation_id, group.leaves(), seq=0, is_new=True)
            commit = await self._client.request("GET", f"{mls(conversation_id)}/commits/{epoch - 1}")
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        self._shelf.end_pending(conversation_id)
        self._groups.enter(conversation_id, group, epoch=epoch, seq=int(commit["seq"]))
        try:
            first = await self._client.request("GET", f"{mls(conversation_id)}/commits/0")
            self._shelf.note_encrypted(conversation_id, int(first["seq"]))
        except ApiError as error:
            if error.status != 404:  # as for newcomers, to whom the log from before they joined is not shown
                raise
        return True

    # -- conversations

    async def create(self, member_ids: Iterable[str], *, name: str | None = None) -> str:
        """Create an encrypted group with all devices of these people that have key packages.

        Returns the conversation's id.
        """
        body = given(type="group", member_ids=[*member_ids], name=name, settings={"encrypted": True})
        made = await self._client.request("POST", "/conversations", json=body, idempotency_key=uuid4().hex)
        await self.begin(made["id"])
        return str(made["id"])

    async def begin(self, conversation_id: str) -> None:
        """Create the group of an encrypted conversation, and add the other members' devices."""
        self._groups.enter(conversation_id, self._engine.create(conversation_id), epoch=0, seq=0)
        await self.catch_up(conversation_id)
        await self.reconcile(conversation_id)

    async def send(
        self,
        conversation_id: str,
        text: str,
        *,
        files: Sequence[SealedFile] = (),
        voice: Voice | None = None,
        poll: PollContent | None = None,
        reply_to: DecryptedMessage | None = None,
        client_id: str | None = None,
    ) -> DecryptedMessage:
        """Encrypt and send a message; returns the stored one.

        The group first gets new keys if somebody has left. `files` are encrypted (`files.seal`) and uploaded;
        a voice message has only its recording. A repeated `client_id` returns the first message.
        """
        client_id = client_id or uuid4().hex
        reply = None if reply_to is None else Meant(reply_to.message_id, reply_to.hash)
        content = Content(text, tuple(files), voice, poll, reply)
        attached: dict[str, Any] = {"attachment_ids": [each.id for each in files]} if files else {}
        if reply is not None:
            attached["reply_to"] = reply.of
        path = f"/conversations/{segment(conversation_id)}/messages"
        message = await self._deliver(
            conversation_id, client_id, packed(content), path, {"type": "encrypted", **attached}
        )
        if isinstance(message, DecryptedMessage):
            return message
        sent = self.recall(conversation_id, message["seq"])
        if sent is None:  # otherwise the log has brought it before, and maybe changes of it
            unread = undecrypted(conversation_id, message["seq"], {**message, "sender_id": self.user_id})
            unread = replace(unread, hash=self._shelf.own_hash(client_id, message.get("ciphertext")))
            sent = unread.with_content(content, device_id=self.device_id)
            self._shelf.remember(sent)
        self._shelf.mark_sent(client_id, sent.seq)
        return sent

    async def change(self, conversation_id: str, change: Change, *, client_id: str | None = None) -> None:
        """Encrypt and send a change of an earlier message: an edit, a reaction, a vote, the end of a poll.

        It takes effect on this device with the next `catch_up`, as on all others.
        """
        path = f"{mls(conversation_id)}/changes"
        known = self._shelf.find(conversation_id, change.of)
        meant = replace(change, hash=known.hash) if known else change
        await self._deliver(conversation_id, client_id or uuid4().hex, packed_change(meant), path, {})

    async def _deliver(
        self, conversation_id: str, client_id: str, data: bytes, path: str, fields: Mapping[str, Any]
    ) -> dict[str, Any] | DecryptedMessage:
        """Encrypt and send application data, again after the end of an epoch.

        Returns the answer, or the message if it has been sent before.
        """
        self._shelf.begin_sending(client_id, data)
        for _ in range(TRIES):
            group = await self._committer.current(conversation_id)
            if self._membership.stale(conversation_id, group.leaves()):
                await self.reconcile(conversation_id)
                group = self._groups.get(conversation_id)
            if (earlier := self._shelf.sent(client_id)) is not None:
                self._shelf.end_sending(client_id)
                found = self.recall(conversation_id, earlier)
                if found is not None:
                    return found  # encrypted again, it would be another message
            body = {"client_id": client_id, "ciphertext": base64(group.encrypt(data)), **fields}
            self._shelf.note_attempt(client_id, body["ciphertext"])
            group.save()  # before sending: a used key must never be used again
            try:
                answer: dict[str, Any] = await self._client.request("POST", path, json=body)
                return answer
            except ApiError as error:
                if error.code == "rekey_required":
                    await self.reconcile(conversation_id, rekey=True)
                elif error.code != "epoch_old":
                    raise
        raise CannotDecrypt("the group does not come to rest")

    async def catch_up(self, conversation_id: str) -> list[DecryptedMessage]:
        """Read the log from this device's position on; returns the new messages.

        Raises ServerMisbehaved, NotInGroup.
        """
        return await self._reader.catch_up(conversation_id)

    async def media_key(self, conversation_id: str) -> bytes:
        """The base key of SFrame (RFC 9605, section 5.2, suite 4) for calls in the group's present epoch."""
        return (await self._committer.current(conversation_id)).export_secret(_MEDIA_LABEL, _MEDIA_KEY_BYTES)

    # -- the members of the group

    async def update(self, conversation_id: str) -> None:
        """Give the group new keys, so that keys stolen from this device before become useless."""
        await self._committer.update(conversation_id)

    async def reconcile(self, conversation_id: str, *, rekey: bool = False) -> list[str]:
        """Add missing devices of members, and remove those that have gone.

        Returns the devices that could not be added. With `rekey` the group gets new keys in any case. Raises
        KeySwapped, GhostDevice.
        """
        return await self._committer.reconcile(conversation_id, rekey=rekey)

    async def safety_number(self, other_id: str) -> str:
        """60 digits, equal for both people, derived from the present keys of all their devices."""
        parts = []
        for user_id in sorted((self.user_id, other_id)):
            keys = await self.key_log.refresh(user_id)
            parts.append(user_id + "".join(sorted(keys.values())))
        digest = hashlib.sha512("\n".join(parts).encode()).digest()
        digits = str(int.from_bytes(digest, "big") % 10**60).zfill(60)
        return " ".join(digits[start : start + 5] for start in range(0, 60, 5))

    # -- the backup

    async def back_up(self, passphrase: str) -> int:
        """Store the messages that this device has read with the server, encrypted; returns how many."""
        messages = self._shelf.everything()
        document = backup.seal([kept(each) for each in messages], passphrase)
        await self._client.request("PUT", "/keys/backup", json=document)
        return len(messages)

    async def restore(self, passphrase: str) -> int:
        """Read the backup; returns how many messages were new to this device.

        Raises CannotDecrypt, ApiError 404.
        """
        document = await self._client.request("GET", "/keys/backup")
        messages = (message_of(fields) for fields in backup.unseal(document, passphrase))
        return sum(self._shelf.take_back(each) for each in messages)

    # -- stored state

    def recall(self, conversation_id: str, seq: int) -> DecryptedMessage | None:
        """The message at a seq of the log, if this device has read it."""
        return self._shelf.recall(conversation_id, seq)

    def decrypted(self, conversation_id: str) -> list[DecryptedMessage]:
        """All messages that this device has read or written in a conversation, in order."""
        return self._shelf.decrypted(conversation_id)

    def encrypted_from(self, conversation_id: str) -> int | None:
        """The seq after which nothing of a conversation may come in the clear; None if it is not encrypted.

        It is stored on this device, so a server that denies it later is not believed.
        """
        return self._shelf.encrypted_from(conversation_id)

    def search(
        self,
        conversation_id: str,
        query: str,
        *,
        sender_id: str | None = None,
        with_files: bool = False,
        below: int | None = None,
    ) -> FoundPage:
        """Find messages that this device has read, newest first, by words and names of files. See `find`."""
        return find(
            self._shelf, conversation_id, query, sender_id=sender_id, with_files=with_files, below=below
        )
