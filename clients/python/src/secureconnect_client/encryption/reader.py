"""Reads a conversation's log in order, from the place where this device joined.

A commit must belong to the group's present epoch, and every device in the group after it must be in the key
log and belong to a member. A violation raises `ServerMisbehaved`, and the conversation is not continued.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from secureconnect_client.api.base import Requester
from secureconnect_client.encryption import tls
from secureconnect_client.encryption.changes import unpacked_change
from secureconnect_client.encryption.content import hash_of, unpacked
from secureconnect_client.encryption.decrypted import DecryptedMessage, undecrypted
from secureconnect_client.encryption.engine import Group
from secureconnect_client.encryption.errors import CannotDecrypt, LogTampered, NotInGroup
from secureconnect_client.encryption.groups import Groups
from secureconnect_client.encryption.membership import Membership
from secureconnect_client.encryption.requests import mls
from secureconnect_client.encryption.shelf import Shelf
from secureconnect_client.encryption.tls import Leaf
from secureconnect_client.http import segment


class LogReader:
    """Applies commits to groups, and decrypts and stores messages and their changes."""

    def __init__(
        self, client: Requester, shelf: Shelf, groups: Groups, membership: Membership, *, own: Leaf
    ) -> None:
        self._client = client
        self._shelf = shelf
        self._groups = groups
        self._membership = membership
        self._own = own

    async def catch_up(self, conversation_id: str) -> list[DecryptedMessage]:
        """Read the log from this device's position on; returns the new messages.

        Raises ServerMisbehaved, NotInGroup.
        """
        group = self._groups.get(conversation_id)
        found: list[DecryptedMessage] = []
        path = f"/conversations/{segment(conversation_id)}/events"
        while True:
            epoch, seq = self._shelf.place(conversation_id)
            page = await self._client.request("GET", path, params={"after": seq, "limit": 100})
            for event in page["items"]:
                if event["seq"] != seq + 1 and seq:
                    self._require_return(conversation_id, event, seq)
                epoch, message = await self._take_in(conversation_id, group, event, epoch)
                seq = event["seq"]
                if message is not None:
                    self._shelf.remember(message)
                    found.append(message)
                self._groups.keep(conversation_id, group, epoch=epoch, seq=seq)
            if page["next_cursor"] is None:
                return found

    async def _take_in(
        self, conversation_id: str, group: Group, event: Mapping[str, Any], epoch: int
    ) -> tuple[int, DecryptedMessage | None]:
        """Process one event of the log; returns the epoch after it, and the message, if it is one."""
        data = event["data"] or {}
        self._membership.read(conversation_id, event, group.leaves())
        if event["type"] == "mls.commit":
            await self._apply(conversation_id, group, event, epoch)
            return epoch + 1, None
        if event["type"] == "mls.proposal":
            with suppress(CannotDecrypt):  # a commit that includes it will fail, and then raises
                group.receive(b64decode(data["proposal"]))
        elif event["type"] == "message.created" and data.get("type") == "encrypted":
            return epoch, self._read(conversation_id, group, event)
        elif event["type"] == "mls.change":
            self._change(conversation_id, group, event)
        elif event["type"] == "message.deleted" and (
            known := self._shelf.find(conversation_id, data.get("id"))
        ):
            self._shelf.remember(known.emptied())
        return epoch, None

    def _require_return(self, conversation_id: str, event: Mapping[str, Any], seq: int) -> None:
        """Raise the error for a gap in the log.

        NotInGroup if this person was removed and added again, because another member's device must then add
        this one; LogTampered for any other gap.
        """
        data = event["data"] or {}
        if event["type"] != "member.added" or (data.get("user") or {}).get("id") != self._own.user_id:
            raise LogTampered(f"the log jumps from {seq} to {event['seq']}")
        self._groups.forget(conversation_id)
        raise NotInGroup("this person was taken out and let in again: a member's device must add this one")

    async def _apply(self, conversation_id: str, group: Group, event: Mapping[str, Any], epoch: int) -> None:
        data = event["data"] or {}
        if data["epoch"] != epoch:
            raise LogTampered(f"the log has a commit of epoch {data['epoch']}, the group is at {epoch}")
        content = data["commit"]
        if content is None:
            answer = await self._client.request("GET", f"{mls(conversation_id)}/commits/{epoch}")
            content = answer["commit"]
        message = b64decode(content)
        if tls.epoch_of(message) != epoch:
            raise LogTampered("a commit is not of the epoch that the log says")
        before = set(group.leaves())
        try:
            received = group.receive(message)
        except CannotDecrypt as error:
            raise LogTampered(f"a commit of the log does not fit the group: {error}") from error
        if received.removed:
            self._groups.forget(conversation_id)
            raise NotInGroup("this device was removed from the group")
        await self._membership.require_honest(conversation_id, set(group.leaves()) - before, seq=event["seq"])
        self._membership.settle(conversation_id, group.leaves())

    def _read(self, conversation_id: str, group: Group, event: Mapping[str, Any]) -> DecryptedMessage | None:
        data = event["data"]
        known = self._shelf.recall(conversation_id, event["seq"])
        if known is not None:
            is_own = (known.sender_id, known.device_id) == (self._own.user_id, self._own.device_id)
            return None if is_own else known
        if data.get("deleted_at") is not None or data.get("ciphertext") is None:
            return None
        unread = undecrypted(conversation_id, event["seq"], data)
        own = self._shelf.sending(data["client_id"]) if data["sender_id"] == self._own.user_id else None
        if own is not None:  # the message was stored, and the answer was lost
            unread = replace(unread, hash=self._shelf.own_hash(data["client_id"], data["ciphertext"]))
            self._shelf.mark_sent(data["client_id"], event["seq"])
            return unread.with_content(unpacked(own), device_id=self._own.device_id)
        received = _received(group, data["ciphertext"], by=data["sender_id"])
        if received is None:
            return unread  # returned without text, and reading continues
        unread = replace(unread, hash=hash_of(data["ciphertext"]))
        return unread.with_content(unpacked(received.data), device_id=received.sender.device_id)

    def _change(self, conversation_id: str, group: Group, event: Mapping[str, Any]) -> None:
        """Apply an encrypted change to the message that it is about, if this device has read that."""
        data, by = event["data"], event["actor_id"]
        if not data["ciphertext"]:
            return  # its sender was erased
        plain = self._shelf.sending(data["client_id"]) if by == self._own.user_id else None
        if plain is None:
            received = _received(group, data["ciphertext"], by=by)
            if received is None:
                return
            plain = received.data
        change = unpacked_change(plain)
        known = self._shelf.find(conversation_id, change.of) if change else None
        if change and known:
            self._shelf.remember(known.after(change, by=by, at=event["at"]))
        if by == self._own.user_id:
            self._shelf.end_sending(data["client_id"])  # only now: killed before, this device finds it again


@dataclass(frozen=True, slots=True)
class _Sent:
    """Application data that a member's device has encrypted."""

    sender: Leaf
    data: bytes


def _received(group: Group, ciphertext: str, *, by: str) -> _Sent | None:
    """What a device of this person has encrypted; None if it is damaged or repeated. Raises LogTampered."""
    try:
        received = group.receive(b64decode(ciphertext))
    except CannotDecrypt:
        return None
    if received.sender is None or received.sender.user_id != by:
        raise LogTampered("the server names another sender than the one who signed")
    return _Sent(received.sender, received.data or b"")
