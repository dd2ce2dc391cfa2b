"""Encrypted conversations on one device: creating, joining, reading and writing, catching up from the log.

Every conversation's log is read in order from the place where this device joined. A commit must belong to the
group's present epoch, and every device in the group after it must be in the key log and belong to a member. A
violation raises `ServerMisbehaved`, and the conversation is not continued.
"""

from __future__ import annotations

import hashlib
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from secureconnect_client.api.base import Requester, given
from secureconnect_client.encryption import backup, tls
from secureconnect_client.encryption.changes import Change, packed_change, unpacked_change
from secureconnect_client.encryption.content import (
    Content,
    PollContent,
    SealedFile,
    Voice,
    packed,
    unpacked,
)
from secureconnect_client.encryption.decrypted import DecryptedMessage, kept, message_of
from secureconnect_client.encryption.engine import Commit, Engine, Group
from secureconnect_client.encryption.errors import (
    CannotDecrypt,
    GhostDevice,
    KeySwapped,
    LogTampered,
    NotInGroup,
)
from secureconnect_client.encryption.keylog import KeyLog
from secureconnect_client.encryption.membership import Membership
from secureconnect_client.encryption.search import FoundPage, find
from secureconnect_client.encryption.shelf import Shelf
from secureconnect_client.encryption.tls import Leaf
from secureconnect_client.encryption.vault import Vault
from secureconnect_client.errors import ApiError
from secureconnect_client.http import segment

PACKAGES = 20  # key packages that are available for others to claim
_MEDIA_LABEL, _MEDIA_KEY_BYTES = "SFrame 1.0 Base Key", 16
TRIES = 8  # attempts at a commit or a message that collides with others' commits


class Encryption:
    """End-to-end encryption for the account and device of `engine`."""

    def __init__(
        self, client: Requester, vault: Vault, engine: Engine, *, user_id: str, device_id: str
    ) -> None:
        self._client = client
        self._shelf = Shelf(vault)
        self._engine = engine
        self.user_id = user_id
        self.device_id = device_id
        self.key_log = KeyLog(client, vault)
        self._membership = Membership(client, vault, own=f"{user_id}/{device_id}")
        self._groups: dict[str, Group] = {}

    # -- this device

    async def register(self, name: str) -> None:
        """Register this device under a name, and upload key packages by which others can add it."""
        credential = f"{self.user_id}/{self.device_id}".encode()
        body = {
            "name": name,
            "signature_key": _b64(self._engine.signature_key),
            "credential": _b64(b"\x00\x01" + bytes([len(credential)]) + credential),
        }
        await self._client.request("PUT", f"/keys/devices/{segment(self.device_id)}", json=body)
        await self.key_log.require_registered(Leaf(self.user_id, self.device_id, self._engine.signature_key))
        await self.leave_packages()

    async def leave_packages(self) -> int:
        """Upload missing key packages; returns how many are available. Call it on `keys.low`."""
        state = await self._client.request("GET", "/keys/packages", params={"device_id": self.device_id})
        missing = PACKAGES - int(state["available"])
        if missing <= 0:
            return int(state["available"])
        packages = [_b64(self._engine.key_package()) for _ in range(missing)]
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
            await self._require_honest(conversation_id, group.leaves(), seq=0, is_new=True)
            commit = await self._client.request("GET", f"{_mls(conversation_id)}/commits/{epoch - 1}")
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        self._groups[conversation_id] = group
        self._shelf.end_pending(conversation_id)
        self._keep(conversation_id, group, epoch=epoch, seq=int(commit["seq"]))
        try:
            first = await self._client.request("GET", f"{_mls(conversation_id)}/commits/0")
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
        group = self._engine.create(conversation_id)
        self._groups[conversation_id] = group
        self._keep(conversation_id, group, epoch=0, seq=0)
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
        client_id: str | None = None,
    ) -> DecryptedMessage:
        """Encrypt and send a message; returns the stored one.

        The group first gets new keys if somebody has left. `files` are encrypted (`seal_file`) and uploaded;
        a voice message has only its recording. A repeated `client_id` returns the first message.
        """
        client_id = client_id or uuid4().hex
        content = Content(text, tuple(files), voice, poll)
        attached = {"attachment_ids": [each.id for each in files]} if files else {}
        path = f"/conversations/{segment(conversation_id)}/messages"
        message = await self._deliver(
            conversation_id, client_id, packed(content), path, {"type": "encrypted", **attached}
        )
        if isinstance(message, DecryptedMessage):
            return message
        sent = self.recall(conversation_id, message["seq"])
        if sent is None:  # otherwise the log has brought it before, and maybe changes of it
            unread = _unread(conversation_id, message["seq"], {**message, "sender_id": self.user_id})
            sent = unread.with_content(content, device_id=self.device_id)
            self._shelf.remember(sent)
        self._shelf.mark_sent(client_id, sent.seq)
        return sent

    async def change(self, conversation_id: str, change: Change, *, client_id: str | None = None) -> None:
        """Encrypt and send a change of an earlier message: an edit, a reaction, a vote, the end of a poll.

        It takes effect on this device with the next `catch_up`, as on all others.
        """
        path = f"{_mls(conversation_id)}/changes"
        await self._deliver(conversation_id, client_id or uuid4().hex, packed_change(change), path, {})

    async def _deliver(
        self, conversation_id: str, client_id: str, data: bytes, path: str, fields: Mapping[str, Any]
    ) -> dict[str, Any] | DecryptedMessage:
        """Encrypt and send application data, again after the end of an epoch.

        Returns the answer, or the message if it has been sent before.
        """
        self._shelf.begin_sending(client_id, data)
        for _ in range(TRIES):
            group = await self._current(conversation_id)
            if self._membership.stale(conversation_id, group.leaves()):
                await self.reconcile(conversation_id)
                group = self._group(conversation_id)
            if (earlier := self._shelf.sent(client_id)) is not None:
                self._shelf.end_sending(client_id)
                found = self.recall(conversation_id, earlier)
                if found is not None:
                    return found  # encrypted again, it would be another message
            body = {"client_id": client_id, "ciphertext": _b64(group.encrypt(data)), **fields}
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
        group = self._group(conversation_id)
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
                self._keep(conversation_id, group, epoch=epoch, seq=seq)
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
        if event["type"] != "member.added" or (data.get("user") or {}).get("id") != self.user_id:
            raise LogTampered(f"the log jumps from {seq} to {event['seq']}")
        self._forget(conversation_id)
        raise NotInGroup("this person was taken out and let in again: a member's device must add this one")

    async def _apply(self, conversation_id: str, group: Group, event: Mapping[str, Any], epoch: int) -> None:
        data = event["data"] or {}
        if data["epoch"] != epoch:
            raise LogTampered(f"the log has a commit of epoch {data['epoch']}, the group is at {epoch}")
        content = data["commit"]
        if content is None:
            answer = await self._client.request("GET", f"{_mls(conversation_id)}/commits/{epoch}")
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
            self._forget(conversation_id)
            raise NotInGroup("this device was removed from the group")
        await self._require_honest(conversation_id, set(group.leaves()) - before, seq=event["seq"])
        self._membership.settle(conversation_id, group.leaves())

    def _read(self, conversation_id: str, group: Group, event: Mapping[str, Any]) -> DecryptedMessage | None:
        data = event["data"]
        known = self.recall(conversation_id, event["seq"])
        if known is not None:
            return known if known.sender_id != self.user_id or known.device_id != self.device_id else None
        if data.get("deleted_at") is not None or data.get("ciphertext") is None:
            return None
        unread = _unread(conversation_id, event["seq"], data)
        own = self._shelf.sending(data["client_id"]) if data["sender_id"] == self.user_id else None
        if own is not None:  # the message was stored, and the answer was lost
            self._shelf.mark_sent(data["client_id"], event["seq"])
            return unread.with_content(unpacked(own), device_id=self.device_id)
        received = _received(group, data["ciphertext"], by=data["sender_id"])
        if received is None:
            return unread  # returned without text, and reading continues
        return unread.with_content(unpacked(received.data), device_id=received.sender.device_id)

    def _change(self, conversation_id: str, group: Group, event: Mapping[str, Any]) -> None:
        """Apply an encrypted change to the message that it is about, if this device has read that."""
        data, by = event["data"], event["actor_id"]
        if not data["ciphertext"]:
            return  # its sender was erased
        plain = self._shelf.sending(data["client_id"]) if by == self.user_id else None
        if plain is None:
            received = _received(group, data["ciphertext"], by=by)
            if received is None:
                return
            plain = received.data
        change = unpacked_change(plain)
        known = self._shelf.find(conversation_id, change.of) if change else None
        if change and known:
            self._shelf.remember(known.after(change, by=by, at=event["at"]))
        if by == self.user_id:
            self._shelf.end_sending(data["client_id"])  # only now: killed before, this device finds it again

    async def media_key(self, conversation_id: str) -> bytes:
        """The base key of SFrame (RFC 9605, section 5.2, suite 4) for calls in the group's present epoch."""
        return (await self._current(conversation_id)).export_secret(_MEDIA_LABEL, _MEDIA_KEY_BYTES)

    # -- the members of the group

    async def update(self, conversation_id: str) -> None:
        """Give the group new keys, so that keys stolen from this device before become useless."""
        await self._commit(conversation_id, lambda group: (group.update(), ()))

    async def reconcile(self, conversation_id: str, *, rekey: bool = False) -> list[str]:
        """Add missing devices of members, and remove those that have gone.

        Returns the devices that could not be added. With `rekey` the group gets new keys in any case. Raises
        KeySwapped, GhostDevice.
        """
        for attempt in range(TRIES):
            try:
                return await self._reconcile(conversation_id, rekey=rekey)
            except ApiError as error:  # a device was removed meanwhile, and can get no Welcome
                if error.code != "validation_failed" or attempt == TRIES - 1:
                    raise
        return []

    async def _reconcile(self, conversation_id: str, *, rekey: bool) -> list[str]:
        group = await self._current(conversation_id)
        wanted = await self._registered_leaves(conversation_id)

        def gone(now: Group) -> list[Leaf]:
            stale = {*self._membership.stale(conversation_id, now.leaves())}
            return sorted(
                leaf for leaf in now.leaves() if leaf != self._leaf and (leaf not in wanted or leaf in stale)
            )

        is_anybody_gone = bool(gone(group))
        if is_anybody_gone:
            await self._commit(
                conversation_id, lambda now: (now.remove(gone(now)), ()) if gone(now) else None
            )
        missing = wanted - set(self._group(conversation_id).leaves())
        left_out: list[str] = []
        if missing:
            packages, left_out = await self._claim(missing)

            def add(now: Group) -> tuple[Commit, Sequence[Leaf]] | None:
                coming = sorted(packages.keys() - set(now.leaves()))  # another device may have added some
                return (now.add([packages[leaf] for leaf in coming]), coming) if coming else None

            await self._commit(conversation_id, add)
        if rekey and not is_anybody_gone:
            await self.update(conversation_id)
        return left_out

    @property
    def _leaf(self) -> Leaf:
        return Leaf(self.user_id, self.device_id, self._engine.signature_key)

    async def _registered_leaves(self, conversation_id: str) -> set[Leaf]:
        """The devices that belong in the group, each checked against the key log."""
        members = await self._membership.members(conversation_id)
        found = set()
        for start in range(0, len(members), 100):
            params = {"user_ids": ",".join(members[start : start + 100])}
            for each in (await self._client.request("GET", "/keys/devices", params=params))["items"]:
                leaf = Leaf(each["user_id"], each["device_id"], b64decode(each["signature_key"]))
                await self.key_log.require_registered(leaf)
                found.add(leaf)
        return found

    async def _claim(self, wanted: set[Leaf]) -> tuple[dict[Leaf, bytes], list[str]]:
        """Claim a key package of each of these devices, and check that it is theirs.

        Returns the packages, and the devices without a valid one.
        """
        user_ids = sorted({leaf.user_id for leaf in wanted})
        packages: dict[Leaf, bytes] = {}
        for start in range(0, len(user_ids), 100):
            body = {"user_ids": user_ids[start : start + 100]}
            for each in (await self._client.request("POST", "/keys/claims", json=body))["packages"]:
                message = b64decode(each["package"])
                leaf = tls.leaf_of_package(message)
                if (leaf.user_id, leaf.device_id) != (each["user_id"], each["device_id"]):
                    raise KeySwapped(f"a package for {each['user_id']} names somebody else")
                try:
                    await self.key_log.require_registered(leaf)
                except GhostDevice as error:
                    raise KeySwapped(str(error)) from error
                if leaf in wanted and tls.is_valid_at(message, time.time()):
                    packages[leaf] = message
        return packages, sorted(leaf.device_id for leaf in wanted - packages.keys())

    async def _require_honest(
        self,
        conversation_id: str,
        leaves: Iterable[Leaf],
        *,
        seq: int,
        is_new: bool = False,
    ) -> None:
        """Check the devices that a commit or a Welcome brings. Raises GhostDevice.

        Each must have been registered by its person, who must have been a member. A device that was removed
        since is accepted, because it is removed before the next message is sent. A device that has just
        joined cannot know earlier members; it sends nothing to people who are not members now.
        """
        members: set[str] = set()
        for leaf in leaves:
            await self.key_log.require_ever_registered(leaf)
            if leaf.user_id in members or (
                self._membership.has_met(conversation_id, leaf.user_id) and not is_new
            ):
                continue
            members = members or {*await self._membership.members(conversation_id)}
            self._membership.meet(conversation_id, members)
            if leaf.user_id in members:
                continue
            if not is_new and not await self._membership.leaves_later(conversation_id, leaf.user_id, seq):
                raise GhostDevice(f"{leaf.user_id} is in the group and no member of the conversation")
            self._membership.let_go(conversation_id, leaf.user_id)

    async def _commit(
        self,
        conversation_id: str,
        make: Callable[[Group], tuple[Commit, Sequence[Leaf]] | None],
    ) -> None:
        """Make a commit and send it, again after each commit of others that comes first.

        `make` returns the commit and the devices that it adds, or None if nothing is left to do.
        """
        for _ in range(TRIES):
            group = await self._current(conversation_id)
            made = make(group)
            if made is None:
                return
            commit, added = made
            epoch, _ = self._shelf.place(conversation_id)
            body: dict[str, Any] = {"client_id": uuid4().hex, "epoch": epoch, "commit": _b64(commit.message)}
            if commit.welcome is not None:
                welcome = {"device_ids": [leaf.device_id for leaf in added], "welcome": _b64(commit.welcome)}
                body["welcomes"] = [welcome]
            group.save_pending()
            self._shelf.set_pending(conversation_id, body)
            if await self._have_taken(conversation_id, body):
                return
        raise CannotDecrypt("the group does not come to rest")

    async def _have_taken(self, conversation_id: str, body: Mapping[str, Any]) -> bool:
        """Send a commit, possibly again, and catch up; returns whether it was accepted.

        Without an answer it remains pending: the log may have it, or it is sent again unchanged.
        """
        try:
            await self._client.request("POST", f"{_mls(conversation_id)}/commits", json=body)
            taken = True
        except ApiError as error:
            if error.code != "epoch_conflict":
                if error.status < 500 and error.status != 429:
                    self._shelf.end_pending(conversation_id)
                    self._groups.pop(conversation_id, None)  # reloaded later in its state before the commit
                raise
            taken = False
        await self.catch_up(conversation_id)  # own commits come by the log, like all others
        self._shelf.end_pending(conversation_id)
        return taken

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

    def _keep(self, conversation_id: str, group: Group, *, epoch: int, seq: int) -> None:
        group.save()
        self._shelf.set_place(conversation_id, epoch=epoch, seq=seq)

    def _forget(self, conversation_id: str) -> None:
        self._groups.pop(conversation_id, None)
        self._shelf.forget(conversation_id)

    def _group(self, conversation_id: str) -> Group:
        self._shelf.place(conversation_id)
        if conversation_id not in self._groups:
            with_commit = self._shelf.pending(conversation_id) is not None
            self._groups[conversation_id] = self._engine.load(conversation_id, with_pending=with_commit)
        return self._groups[conversation_id]

    async def _current(self, conversation_id: str) -> Group:
        """The group after the whole log, with no pending commit of this device."""
        await self.catch_up(conversation_id)
        if (body := self._shelf.pending(conversation_id)) is not None:
            await self._have_taken(conversation_id, body)
        return self._group(conversation_id)


def _mls(conversation_id: str) -> str:
    return f"/conversations/{segment(conversation_id)}/mls"


def _b64(raw: bytes) -> str:
    return b64encode(raw).decode()


def _unread(conversation_id: str, seq: int, message: Mapping[str, Any]) -> DecryptedMessage:
    """A message of the server whose content is not decrypted yet."""
    expires_at = message.get("expires_at")
    return DecryptedMessage(
        conversation_id, seq, message["id"], message["sender_id"], None, None, expires_at=expires_at
    )


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
