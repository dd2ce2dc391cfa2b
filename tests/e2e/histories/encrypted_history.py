"""Carries out a plan in an encrypted group, with faults, and collects what everybody has read."""

from __future__ import annotations

import asyncio
import random
from base64 import b64decode
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

from secureconnect_client import ApiError, SecureConnectError
from secureconnect_client.encryption import tls
from secureconnect_client.encryption.changes import Change
from secureconnect_client.encryption.errors import CannotDecrypt, NotInGroup, ServerMisbehaved
from tests.e2e.histories.encrypted_checker import EncryptedEvidence, Sealed, violations
from tests.e2e.histories.encrypted_device import EncryptedDevice
from tests.e2e.histories.encrypted_plan import EncryptedPlan, Kind, Operation
from tests.e2e.histories.encrypted_shown import OPTIONS, Said
from tests.e2e.histories.evidence import Room
from tests.e2e.histories.faults import CALM, Weather
from tests.e2e.histories.history import OVERLOAD, all_of, logged
from tests.e2e.histories.people import Person

SETTLE_ROUNDS = 12
PATIENT_TRIES = 6
RECENT = 6  # changes are of one of so many messages, so that several meet at one
EMOJIS = ("👍", "🎉")

DeviceFactory = Callable[..., Any]  # has the signature of `EncryptedDevice`


class EncryptedHistory:
    """A history, from its plan to the judgement."""

    def __init__(
        self,
        plan: EncryptedPlan,
        people: list[Person],
        *,
        http_url: str,
        inner: httpx.AsyncBaseTransport,
        factories: Mapping[Kind, DeviceFactory],
    ) -> None:
        self.plan = plan
        self.people = people
        self.overloaded: Counter[int] = Counter()
        self.unanswered = 0
        self.restarts = 0
        self._weather = Weather(random.Random(plan.seed ^ 0x5EED), Counter())
        self._numbers = 0
        self._unsure: dict[str, list[str]] = {}
        self._choices = random.Random(plan.seed ^ 0xC0DE)
        self._sent: dict[int, tuple[str, str, Said]] = {}  # by seq, with message ids and senders
        self.records = EncryptedEvidence(Room("", tuple(people[each].user_id for each in plan.founders), False))
        used: Counter[int] = Counter()
        self._devices = []
        for each in plan.devices:
            number = used[each.person]
            used[each.person] += 1
            person = people[each.person]
            make = factories[each.kind]
            name = f"person {each.person} {each.kind} {number} of {plan.seed}"
            self._devices.append(
                make(
                    name, person, person.sessions[number],
                    http_url=http_url, inner=inner, weather=self._weather, records=self.records,
                )
            )  # fmt: skip

    @property
    def events(self) -> int:
        return len(self.records.room.log)

    @property
    def deliveries(self) -> int:
        return sum(shown.text is not None for each in self.records.readers for shown in each.read.values())

    @property
    def troubles(self) -> list[str]:
        return self.records.troubles

    async def run(self) -> list[str]:
        """Run the history; returns its violations, empty if there are none."""
        try:
            await asyncio.gather(*(self._begin(each) for each in self._devices))
            room = self.records.room
            room.id = await self._devices[0].create(list(room.founders[1:]))
            self._weather.noise = self.plan.noise
            await asyncio.gather(*(self._work(n) for n in range(len(self._devices))))
            self._weather.noise = CALM
            await self._settle()
            await self._collect()
        finally:
            self._weather.noise = CALM
            await self._clear_up()
        return violations(self.records)

    async def _begin(self, device: EncryptedDevice) -> None:
        await device.open()
        await device.register()

    # -- meanwhile

    async def _work(self, number: int) -> None:
        for operation in self.plan.devices[number].operations:
            await asyncio.sleep(operation.pause_s)
            await self._try(number, operation.act, self._do(self._devices[number], operation))

    async def _try(self, number: int, what: str, work: Awaitable[Any]) -> bool:
        """Whether the work succeeded. Errors that honest devices may meet are counted, all others are recorded."""
        name = self._devices[number].name
        try:
            await work
        except NotInGroup:
            return False
        except ServerMisbehaved as error:
            self.records.troubles.append(f"{name}: {what} takes the server for a liar: {error!r}")
        except CannotDecrypt as error:
            if "come to rest" not in str(error):
                self.records.troubles.append(f"{name}: {what}: {error!r}")
        except ApiError as error:
            if error.status in OVERLOAD:
                self.overloaded[error.status] += 1
            elif error.status not in (403, 404, 409, 410):
                self.records.troubles.append(f"{name}: {what} was answered with {error!r}")
        except SecureConnectError:
            self.unanswered += 1
        else:
            return True
        return False

    async def _do(self, device: EncryptedDevice, operation: Operation) -> None:
        room = self.records.room.id
        others = [each.user_id for each in self.people[1:]]
        someone = others[int(operation.pick * len(others))]
        match operation.act:
            case "add":
                await device.client.conversations.add_members(room, [someone])
            case "remove":
                await device.client.conversations.remove_member(room, someone)
            case "lose":
                await device.lose(room)
                await self._patiently(device.register)
            case "replace":
                await device.lose(room)
                await device.client.request("DELETE", f"/keys/devices/{device.device_id}")
                await self._patiently(device.register)
            case "restart":
                self.restarts += 1
                await device.restart(room)
            case "kill":
                self.restarts += 1
                acts = (self._send, self._change, self._read, self._update, self._reconcile)
                work = acts[int(operation.pick * len(acts))](device)
                await device.kill_in(work, room, at=operation.cut, after=operation.pick_after)
            case "send":
                await self._send(device)
            case "change":
                await self._change(device)
            case "read":
                await self._read(device)
            case "reconcile":
                await self._reconcile(device)
            case "update":
                await self._update(device)

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> None:
        for attempt in range(PATIENT_TRIES):
            try:
                await work()
            except SecureConnectError:
                if attempt == PATIENT_TRIES - 1:
                    raise
            else:
                return

    async def _send(self, device: EncryptedDevice) -> None:
        """Send a message, after repeating one that may not have been sent, as an outbox does."""
        room = self.records.room.id
        if not await device.join(room):
            return
        unsure = self._unsure.setdefault(device.seen.name, [])
        client_id = self._client_id()
        unsure.append(client_id)
        self.records.said[client_id] = Said(f"text {client_id}", self._choices.choice([None, None, False, True]))
        for client_id in list(unsure):
            said = self.records.said[client_id]
            seq, message_id = await device.send(room, said, client_id)
            self.records.acknowledged[client_id] = seq
            self._sent[seq] = (message_id, device.user_id, said)
            unsure.remove(client_id)

    async def _change(self, device: EncryptedDevice) -> None:
        """Change one of the last messages that the device has read."""
        room = self.records.room.id
        if not await device.join(room):
            return
        await device.note(room)
        readable = [each for seq, each in self._sent.items() if device.seen.reads(seq)]
        if not readable:
            return
        client_id = self._client_id()
        change = self._any_change(readable[-RECENT:], device.user_id, client_id)
        self.records.changed[client_id] = change
        await device.change(room, change, client_id)
        self.records.acknowledged[client_id] = None

    def _any_change(self, recent: list[tuple[str, str, Said]], by: str, client_id: str) -> Change:
        """A change of one of these messages, which breaks the rules now and then: all have to ignore it then."""
        choose = self._choices
        kind = choose.choice(["edit", "edit", "react", "react", "vote", "vote", "vote", "close"])
        fitting = [
            each
            for each in recent
            if (kind in ("react", "vote") or each[1] == by)
            and (kind == "react" or (each[2].multiple is None) == (kind == "edit"))
        ]
        of, _, said = choose.choice(recent if choose.random() < 0.1 else fitting or recent)
        match kind:
            case "edit":
                return Change(of, edit=f"edit {client_id}")
            case "react":
                return Change(of, react=choose.choice(EMOJIS), remove=choose.random() < 0.3)
            case "vote":
                most = len(OPTIONS) if said.multiple or choose.random() < 0.1 else 1
                return Change(of, vote=tuple(choose.sample(range(len(OPTIONS)), choose.randint(0, most))))
        return Change(of, close=True)

    def _client_id(self) -> str:
        self._numbers += 1
        return f"{self.plan.seed}-{self.records.room.id[-6:]}-{self._numbers}"

    async def _read(self, device: EncryptedDevice) -> None:
        if await device.join(self.records.room.id):
            await device.catch_up(self.records.room.id)

    async def _reconcile(self, device: EncryptedDevice) -> None:
        if await device.join(self.records.room.id):
            await device.reconcile(self.records.room.id)

    async def _update(self, device: EncryptedDevice) -> None:
        if await device.join(self.records.room.id):
            await device.update(self.records.room.id)

    # -- afterwards

    async def _settle(self) -> None:
        """Everybody joins, updates the group and reads until nothing changes; then each sends a last message."""
        before: list[Any] = []
        for _ in range(SETTLE_ROUNDS):
            for number, device in enumerate(self._devices):
                await self._try(number, "settling", self._reconcile(device))
            places = [await each.at(self.records.room.id) for each in self._devices]
            if places == before:
                break
            before = places
        else:
            self.records.troubles.append(f"the group never comes to rest: {before}")
        for number, device in enumerate(self._devices):
            await self._try(number, "a last word", self._send(device))
        for number, device in enumerate(self._devices):
            await self._try(number, "reading to the end", self._read(device))

    async def _collect(self) -> None:
        room = self.records.room
        raw = await all_of(self._devices[0].client, f"/conversations/{room.id}/events")
        room.log = [logged(each) for each in raw]
        sealed: list[tuple[int, bytes]] = []
        for each in raw:
            if each["type"] == "mls.commit":
                self.records.commits.append(each["data"]["epoch"])
            elif each["type"] == "message.created":
                found, ciphertext = _sealed(each, each["data"]["id"])
                self.records.messages.append(found)
                sealed.append((found.seq, ciphertext))
            elif each["type"] == "mls.change":
                found, ciphertext = _sealed(each)
                self.records.changes.append(found)
                sealed.append((found.seq, ciphertext))
        for device in self._devices:
            await device.note(room.id)
            for seq, message in sealed:
                device.steal(room.id, seq, message)

    async def _clear_up(self) -> None:
        """Remove this history's devices, so that its people can go into another history."""
        for device in self._devices:
            try:
                await device.client.request("DELETE", f"/keys/devices/{device.device_id}")
            except ApiError as error:
                if error.status != 404:
                    raise


def _sealed(event: Mapping[str, Any], message_id: str = "") -> tuple[Sealed, bytes]:
    """What the log says of a message or change, and its ciphertext."""
    ciphertext = b64decode(event["data"]["ciphertext"])
    ids = (event["actor_id"], event["data"]["client_id"], message_id)
    return Sealed(event["seq"], tls.epoch_of(ciphertext), *ids), ciphertext
