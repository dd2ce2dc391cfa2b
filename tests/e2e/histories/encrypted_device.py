"""A device in an encrypted history: it can be killed, restarted, and lose its storage. Here: the Python client."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from secureconnect_client import Client
from secureconnect_client.encryption import tls
from secureconnect_client.encryption.changes import Change, Changes
from secureconnect_client.encryption.content import PollContent
from secureconnect_client.encryption.encryption import Encryption
from secureconnect_client.encryption.engine import Commit, Engine, Group, Received
from secureconnect_client.encryption.errors import CannotDecrypt, NotInGroup
from secureconnect_client.encryption.mls_rs import MlsRsEngine
from secureconnect_client.encryption.vault import MemoryVault
from secureconnect_client.session import Session
from secureconnect_client.store import MemoryStore
from tests.e2e.histories.device import HTTP_BACKOFF
from tests.e2e.histories.encrypted_checker import EncryptedEvidence, Leaf, Reader
from tests.e2e.histories.encrypted_shown import OPTIONS, Said, Shown
from tests.e2e.histories.faults import Carrier, Weather
from tests.e2e.histories.people import Person


class Cut(httpx.AsyncBaseTransport):
    """Kills the device at one of its requests: this request and all later ones are never answered."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._left: int | None = None
        self._after = False
        self.killed = asyncio.Event()

    def at(self, requests: int | None, *, after: bool = False) -> None:
        """Kill at the request of this number, before it is sent or after it was carried out."""
        self._left, self._after = requests, after
        self.killed.clear()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                if self._after and not self.killed.is_set():
                    answer = await self._inner.handle_async_request(request)
                    await answer.aread()
                    await answer.aclose()
                self.killed.set()
                await asyncio.Event().wait()
        return await self._inner.handle_async_request(request)


class Hoard(MemoryVault):
    """Keeps the states of groups that it is told to delete, as an attacker's device would."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, bytes] = {}

    def put(self, name: str, value: bytes) -> None:
        super().put(name, value)
        self.kept[name] = value


@dataclass(slots=True)
class WatchedGroup:
    """A group that records its members after each commit."""

    inner: Group
    owner: PythonDevice

    def leaves(self) -> list[tls.Leaf]:
        return self.inner.leaves()

    def add(self, packages: Sequence[bytes]) -> Commit:
        return self.inner.add(packages)

    def remove(self, leaves: Sequence[tls.Leaf]) -> Commit:
        return self.inner.remove(leaves)

    def update(self) -> Commit:
        return self.inner.update()

    def encrypt(self, data: bytes) -> bytes:
        return self.inner.encrypt(data)

    def receive(self, message: bytes) -> Received:
        received = self.inner.receive(message)
        if received.data is None and not received.removed:
            self.owner.see(tls.epoch_of(message) + 1, names_of(self.leaves()))
        return received

    def export_secret(self, label: str, length: int) -> bytes:
        return self.inner.export_secret(label, length)

    def save(self) -> None:
        self.inner.save()

    def save_pending(self) -> None:
        self.inner.save_pending()


@dataclass(slots=True)
class WatchedEngine:
    inner: Engine
    owner: PythonDevice

    @property
    def signature_key(self) -> bytes:
        return self.inner.signature_key

    def key_package(self) -> bytes:
        return self.inner.key_package()

    def create(self, group_id: str) -> WatchedGroup:
        made = WatchedGroup(self.inner.create(group_id), self.owner)
        self.owner.see(0, names_of(made.leaves()))
        return made

    def join(self, welcome: bytes) -> WatchedGroup:
        return WatchedGroup(self.inner.join(welcome), self.owner)

    def load(self, group_id: str, *, with_pending: bool = False) -> WatchedGroup:
        return WatchedGroup(self.inner.load(group_id, with_pending=with_pending), self.owner)


class EncryptedDevice(ABC):
    """A person's device. `seen` is its present part of the evidence."""

    seen: Reader
    device_id: str

    def __init__(
        self,
        name: str,
        person: Person,
        session: Session,
        *,
        http_url: str,
        inner: httpx.AsyncBaseTransport,
        weather: Weather,
        records: EncryptedEvidence,
    ) -> None:
        self.user_id = person.user_id
        self.name = name
        self._http_url = http_url
        self._records = records
        self._times = 0
        self._cut = Cut(Carrier(inner, weather, person.user_id))
        self.client = Client(
            http_url,
            store=MemoryStore(session=session),
            transport=self._cut,
            backoff=HTTP_BACKOFF,
            timeout=httpx.Timeout(30.0),
        )

    # -- operations of a history

    @abstractmethod
    async def open(self) -> None:
        """Start with empty storage."""

    @abstractmethod
    async def restart(self, conversation_id: str) -> None:
        """Start again from its storage."""

    @abstractmethod
    async def register(self) -> None: ...

    @abstractmethod
    async def join(self, conversation_id: str) -> bool:
        """Open pending Welcomes; returns whether it is in the group."""

    @abstractmethod
    async def send(self, conversation_id: str, said: Said, client_id: str) -> tuple[int, str]:
        """Send a message; returns its seq and id."""

    @abstractmethod
    async def change(self, conversation_id: str, change: Change, client_id: str) -> None: ...

    @abstractmethod
    async def catch_up(self, conversation_id: str) -> None: ...

    @abstractmethod
    async def reconcile(self, conversation_id: str) -> None: ...

    @abstractmethod
    async def update(self, conversation_id: str) -> None: ...

    async def kill_in(self, work: Coroutine[Any, Any, None], conversation_id: str, *, at: int, after: bool) -> None:
        """Do something, be killed at request number `at` if it makes that many, and start again."""
        self._cut.at(at, after=after)
        doing = asyncio.ensure_future(work)
        dying = asyncio.ensure_future(self._cut.killed.wait())
        try:
            await asyncio.wait({doing, dying}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            doing.cancel()
            dying.cancel()
            await asyncio.gather(doing, dying, return_exceptions=True)
            self._cut.at(None)
        await self.restart(conversation_id)
        if not doing.cancelled() and (error := doing.exception()) is not None:
            raise error

    async def lose(self, conversation_id: str) -> None:
        """Start again with empty storage."""
        await self.note(conversation_id)
        self.seen.is_lost = True
        await self.open()

    # -- the evidence

    @abstractmethod
    async def note(self, conversation_id: str) -> None:
        """Add the messages that it has read to the evidence."""

    @abstractmethod
    async def at(self, conversation_id: str) -> tuple[int, int] | None:
        """The epoch and seq of its state; None if it is not in the group."""

    @abstractmethod
    def steal(self, conversation_id: str, seq: int, ciphertext: bytes) -> None:
        """Try to decrypt a message with everything that this device ever stored."""

    def _appear(self, key: str) -> None:
        self._times += 1
        self.seen = Reader(f"{self.name} ({self._times})", (self.user_id, self.device_id, key))
        self._records.readers.append(self.seen)

    def see(self, epoch: int, leaves: Iterable[Leaf]) -> None:
        self._records.views[epoch][self.seen.name] = frozenset(leaves)


class PythonDevice(EncryptedDevice):
    """A device of the Python client."""

    async def open(self) -> None:
        self._vault = Hoard()
        self.device_id = self.name.replace(" ", "-")
        self._start()
        self._appear(self._engine.signature_key.hex())

    def _start(self) -> None:
        self._engine = MlsRsEngine(self._vault, user_id=self.user_id, device_id=self.device_id)
        watched = WatchedEngine(self._engine, self)
        names = {"user_id": self.user_id, "device_id": self.device_id}
        self._encryption = Encryption(self.client, self._vault, watched, **names)

    async def create(self, member_ids: list[str]) -> str:
        conversation_id = await self._encryption.create(member_ids, name="A secret")
        self.seen.entered.append(0)
        return conversation_id

    async def restart(self, conversation_id: str) -> None:
        was_in = self.seen.entered
        self._start()
        if not was_in:
            await self._note_entry(conversation_id)  # it was killed after joining

    async def register(self) -> None:
        await self._encryption.register(self.name)

    async def join(self, conversation_id: str) -> bool:
        if conversation_id in await self._encryption.join_waiting():
            await self._note_entry(conversation_id)
        return await self.at(conversation_id) is not None

    async def send(self, conversation_id: str, said: Said, client_id: str) -> tuple[int, str]:
        poll = None if said.multiple is None else PollContent(OPTIONS, said.multiple)
        sent = await self._encryption.send(conversation_id, said.text, poll=poll, client_id=client_id)
        return sent.seq, sent.message_id

    async def change(self, conversation_id: str, change: Change, client_id: str) -> None:
        await self._encryption.change(conversation_id, change, client_id=client_id)

    async def catch_up(self, conversation_id: str) -> None:
        await self._encryption.catch_up(conversation_id)

    async def reconcile(self, conversation_id: str) -> None:
        await self._encryption.reconcile(conversation_id)

    async def update(self, conversation_id: str) -> None:
        await self._encryption.update(conversation_id)

    async def note(self, conversation_id: str) -> None:
        self.seen.read = {
            each.seq: shown_of(each.text, each.changes) for each in self._encryption.decrypted(conversation_id)
        }

    async def at(self, conversation_id: str) -> tuple[int, int] | None:
        try:
            return self._encryption._shelf.place(conversation_id)
        except NotInGroup:
            return None

    def steal(self, conversation_id: str, seq: int, ciphertext: bytes) -> None:
        kept = MemoryVault()
        for name, value in self._vault.kept.items():
            kept.put(name, value)
        engine = MlsRsEngine(kept, user_id=self.user_id, device_id=self.device_id)
        try:
            received = engine.load(conversation_id).receive(ciphertext)
        except (CannotDecrypt, NotInGroup):
            return
        self.seen.stolen[seq] = (received.data or b"").decode()

    async def _note_entry(self, conversation_id: str) -> None:
        place = await self.at(conversation_id)
        if place is not None:
            self.seen.entered.append(place[0])


def names_of(leaves: Iterable[tls.Leaf]) -> Iterator[Leaf]:
    """The leaves in the evidence's form."""
    return ((each.user_id, each.device_id, each.signature_key.hex()) for each in leaves)


def shown_of(text: str | None, changes: Changes) -> Shown:
    """A decrypted message and its changes in the evidence's form."""
    return Shown(
        text,
        changes.edited_at is not None,
        frozenset((emoji, who) for emoji, people in changes.reactions.items() for who in people),
        frozenset((who, option) for who, vote in changes.votes.items() for option in vote),
        changes.closed,
    )
