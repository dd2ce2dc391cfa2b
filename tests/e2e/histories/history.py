"""Carries out a plan on the stack, with faults, and collects the evidence."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from secureconnect_client import ApiError, Client, SecureConnectError
from secureconnect_client.decoding import decode
from secureconnect_client.models import Message as ShownMessage
from tests.e2e.histories import evidence
from tests.e2e.histories.checker import is_member, violations
from tests.e2e.histories.device import Device
from tests.e2e.histories.evidence import NEVER, Evidence, Logged, Marked, Message, Peeked, Room, Seen, Write
from tests.e2e.histories.faults import CALM, Weather
from tests.e2e.histories.people import Person
from tests.e2e.histories.plan import EMOJI, PEOPLE, Operation, Plan
from tests.e2e.histories.web_device import WebDevice

SETTLE_S = 0.4
SETTLE_ROUNDS = 20
CATCH_UP_S = 90.0
BEYOND_THE_END = 10**9
# An overloaded stack may answer with these; a 500 is always a violation.
OVERLOAD = frozenset({429, 502, 503, 504})


AnyDevice = Device | WebDevice
DeviceFactory = Callable[..., AnyDevice]  # has the signature of `Device`


@dataclass(slots=True)
class Place:
    """A conversation of this history: the acknowledged messages, and sends that bypassed an outbox."""

    id: str
    messages: list[tuple[str, int, str]] = field(default_factory=list)  # id, seq, sender
    sent: list[Write] = field(default_factory=list)


class History:
    """A history, from its plan to the judgement."""

    def __init__(
        self,
        plan: Plan,
        people: list[Person],
        *,
        http_url: str,
        inner: httpx.AsyncBaseTransport,
        make_device: DeviceFactory = Device,
    ) -> None:
        self.plan = plan
        self.people = people
        self.records = Evidence()
        self.overloaded: Counter[int] = Counter()
        self.unanswered = 0
        self._http_url = http_url
        self._inner = inner
        self._make_device = make_device
        self._places: list[Place] = []
        self._devices: list[AnyDevice] = []
        self._weather = Weather(random.Random(plan.seed ^ 0x5EED), self.records.tries)
        self._numbers = 0

    async def run(self) -> list[str]:
        """Run the history; returns its violations, empty if there are none."""
        with tempfile.TemporaryDirectory(prefix="history-") as folder:
            self._make_devices(Path(folder))
            await asyncio.gather(*(each.open() for each in self._devices))
            try:
                await self._make_rooms()
                self._weather.noise = self.plan.noise
                await asyncio.gather(*(self._work(each) for each in self._devices))
                self._weather.noise = CALM
                await self._settle()
            finally:
                await asyncio.gather(*(each.close() for each in self._devices))
                self._remember()
        return violations(self.records)

    @property
    def restarts(self) -> int:
        return sum(each.restarts for each in self._devices)

    @property
    def events(self) -> int:
        return sum(len(room.log) for room in self.records.rooms.values())

    @property
    def deliveries(self) -> int:
        return sum(len(device.steps) for device in self.records.devices)

    @property
    def troubles(self) -> list[str]:
        return self.records.troubles

    # -- before

    def _make_devices(self, folder: Path) -> None:
        used: Counter[int] = Counter()
        for each in self.plan.devices:
            person = self.people[each.person]
            number = used[each.person]
            used[each.person] += 1
            device = self._make_device(
                each,
                f"person {each.person} {each.kind} {number}",
                person,
                person.sessions[number],
                http_url=self._http_url,
                inner=self._inner,
                weather=self._weather,
                records=self.records,
                folder=folder,
                rng=random.Random(self.plan.seed * 31 + len(self._devices)),
            )
            self._devices.append(device)
            self.records.devices.append(device.seen)

    async def _make_rooms(self) -> None:
        owner = self._devices[0].client
        for number, room in enumerate(self.plan.rooms):
            members = [self.people[each].user_id for each in room.founders]
            settings = {"history_visible": True} if room.history_visible else None
            made = await owner.conversations.create(members[1:], name=f"Room {number}", settings=settings)
            self._places.append(Place(made.id))
            self.records.rooms[made.id] = Room(made.id, tuple(members), room.history_visible)

    # -- during the history

    async def _work(self, device: AnyDevice) -> None:
        for operation in device.plan.operations:
            await asyncio.sleep(operation.pause_s)
            try:
                await self._do(device, operation)
            except ApiError as error:
                self._note(device, operation, error)
            except SecureConnectError:
                self.unanswered += 1  # it may or may not have been carried out

    def _note(self, device: AnyDevice, operation: Operation, error: ApiError) -> None:
        if error.status in OVERLOAD:
            self.overloaded[error.status] += 1
        elif error.status not in (403, 404, 409, 410):
            self.records.troubles.append(f"{device.seen.name}: {operation.kind} was answered with {error}")

    async def _do(self, device: AnyDevice, operation: Operation) -> None:
        place = self._places[operation.room]
        match operation.kind:
            case "send":
                await self._send(device, place, operation)
            case "repeat":
                await self._repeat(device, place, operation)
            case "edit" | "delete" | "react" | "unreact":
                await self._change(device, place, operation)
            case "read":
                await self._mark(device, place, operation)
            case "add" | "remove":
                await self._membership(device, place, operation)
            case "peek":
                await self._peek(device, place)
            case "kill":
                device.kill_socket()
            case "sync":
                if device.live is not None:
                    await device.live.sync()
            case "restart":
                await device.restart(crashed=operation.pick < 0.5)

    async def _send(self, device: AnyDevice, place: Place, operation: Operation) -> None:
        self._numbers += 1
        name = f"{self.plan.seed}-{place.id[-6:]}-{self._numbers}"
        root = self._root(device, place, operation)
        write = _asked("send", place, device, name=name, text=f"text {name}", root=root)
        if operation.way == "outbox":
            self.records.writes.append(write)
            await device.send_later(write)
        else:
            place.sent.append(write)
            await self._post(device, place, write, over_socket=operation.way == "socket")

    def _root(self, device: AnyDevice, place: Place, operation: Operation) -> str:
        """The message to reply to, or empty: every third message is a reply, if its sender certainly sees the root."""
        sees_all = self.records.rooms[place.id].history_visible or device.user_id == self.people[0].user_id
        if not place.messages or not sees_all or operation.pick_more > 1 / 3:
            return ""
        root: str = _pick(place.messages, operation.pick)[0]
        return root

    async def _repeat(self, device: AnyDevice, place: Place, operation: Operation) -> None:
        """A client repeats a send that may have been carried out: the same client_id, the same text."""
        mine = [each for each in place.sent if each.user_id == device.user_id]
        if mine:
            again = dataclasses.replace(_pick(mine, operation.pick), began=time.monotonic())
            for each in self.records.devices:  # the outbox was bypassed, so its order no longer holds here
                waiting = each.sent_in_order.get(again.conversation_id, [])
                waiting[:] = [client_id for client_id in waiting if client_id != again.client_id]
            await self._post(device, place, again, over_socket=operation.way == "socket")

    async def _post(self, device: AnyDevice, place: Place, write: Write, *, over_socket: bool) -> None:
        async def send() -> ShownMessage:
            messages = device.live if over_socket and device.live is not None else None
            send_ = device.client.messages.send if messages is None else messages.send_message
            return await send_(place.id, write.text, client_id=write.client_id, thread_root=write.root or None)

        message = await self._try(device, write, send)
        place.messages.append((message.id, message.seq, device.user_id))

    async def _change(self, device: AnyDevice, place: Place, operation: Operation) -> None:
        kind = operation.kind
        assert kind in ("edit", "delete", "react", "unreact")
        owner = device.user_id == self.people[0].user_id
        any_ = kind in ("react", "unreact") or (kind == "delete" and owner)
        able = [each for each in place.messages if any_ or each[2] == device.user_id]
        if not able:
            return await self._send(device, place, operation)
        about, _, _ = _pick(able, operation.pick)
        emoji = _pick(EMOJI, operation.pick_more) if "react" in kind else ""
        self._numbers += 1
        text = f"edited {self.plan.seed} {self._numbers}" if kind == "edit" else ""
        write = _asked(kind, place, device, about=about, emoji=emoji, text=text)
        live = device.live if operation.way == "socket" else None
        messages = device.client.messages

        async def change() -> None:
            match kind:
                case "edit":
                    await (live.edit_message if live else messages.edit)(place.id, about, text)
                case "delete":
                    await (live.delete_message if live else messages.delete)(place.id, about)
                case "react" if live:
                    await live.react(place.id, about, emoji)
                case "unreact" if live:
                    await live.react(place.id, about, emoji, remove=True)
                case "react":
                    await messages.react(place.id, about, emoji)
                case _:
                    await messages.unreact(place.id, about, emoji)

        await self._try(device, write, change)
        return None

    async def _try(self, device: AnyDevice, write: Write, call: Callable[[], Awaitable[Any]]) -> Any:
        """Record a request, and replace it by its acknowledgement if there is one."""
        position = len(self.records.writes)
        self.records.writes.append(write)
        socket = device.live.connection if device.live else None
        answer = await call()
        loose = socket is not None and device.live is not None and device.live.connection is not socket
        changes = {"about": answer.id, "seq": answer.seq} if write.kind == "send" else {}
        self.records.writes[position] = evidence.acknowledged(write, loose=loose, **changes)
        return answer

    async def _mark(self, device: AnyDevice, place: Place, operation: Operation) -> None:
        known = device.cursor(place.id)
        asked = BEYOND_THE_END if operation.pick > 0.95 else max(1, round(known * operation.pick))
        began, position = time.monotonic(), len(self.records.marked)
        self.records.marked.append(Marked(place.id, device.user_id, began, NEVER, asked, 0))
        if operation.way == "socket" and device.live is not None:
            marker = await device.live.mark_read(place.id, asked)
        else:
            marker = await device.client.messages.read(place.id, asked)
        answered = Marked(place.id, device.user_id, began, time.monotonic(), asked, marker.read_seq)
        self.records.marked[position] = answered

    async def _membership(self, device: AnyDevice, place: Place, operation: Operation) -> None:
        about = self.people[1 + int(operation.pick * (PEOPLE - 1))].user_id
        conversations = device.client.conversations
        if operation.kind == "remove":
            write = _asked("remove", place, device, about=about)
            await self._try(device, write, lambda: conversations.remove_member(place.id, about))
            return
        write = _asked("add", place, device, about=about)
        position = len(self.records.writes)
        self.records.writes.append(write)
        answer = await conversations.add_members(place.id, [about])
        if about in answer["added"]:
            self.records.writes[position] = evidence.acknowledged(write)

    async def _peek(self, device: AnyDevice, place: Place) -> None:
        began = time.monotonic()
        try:
            events = await device.client.conversations.events(place.id, after=0, limit=100)
            seqs: tuple[int, ...] | None = tuple(each.seq or 0 for each in events)
        except ApiError as error:
            if error.status != 404:
                raise
            seqs = None
        self.records.peeked.append(Peeked(place.id, device.user_id, began, time.monotonic(), seqs))

    # -- afterwards

    async def _settle(self) -> None:
        """Wait until nothing changes any more, let every device catch up, and read the final state."""
        try:
            await asyncio.gather(*(each.flush_outbox(timeout_s=CATCH_UP_S) for each in self._devices))
        except TimeoutError:
            self.records.troubles.append("an outbox does not get empty")
        rooms = list(self.records.rooms.values())
        for _ in range(SETTLE_ROUNDS):
            await asyncio.gather(*(self._read_log(room) for room in rooms))
            ends = {room.id: room.log[-1].seq for room in rooms}
            await asyncio.gather(*(self._catch_up(each, ends) for each in self._devices))
            await asyncio.gather(*(self._read_views(room) for room in rooms))
            await asyncio.sleep(SETTLE_S)
            if await self._ends() == ends:
                break
        else:
            self.records.troubles.append("the logs never come to rest")
        for device in self._devices:
            await device.note_states(list(ends))

    async def _ends(self) -> dict[str, int]:
        owner = self._devices[0].client
        rooms = await asyncio.gather(*(owner.conversations.get(each) for each in self.records.rooms))
        return {room.id: room.last_seq for room in rooms}

    async def _catch_up(self, device: AnyDevice, ends: Mapping[str, int]) -> None:
        mine = {each: end for each, end in ends.items() if is_member(self.records.rooms[each], device.user_id)}
        try:
            await device.catch_up(mine, ends.keys() - mine.keys(), within_s=CATCH_UP_S)
        except TimeoutError:
            behind = {each: device.cursor(each) for each in ends}
            self.records.troubles.append(f"{device.seen.name}: is to get to {mine}, and is at {behind}")

    async def _read_log(self, room: Room) -> None:
        raw = await all_of(self._devices[0].client, f"/conversations/{room.id}/events")
        room.log = [logged(each) for each in raw]

    async def _read_views(self, room: Room) -> None:
        receipts = await self._devices[0].client.conversations.receipts(room.id)
        read = {each.user_id: each.read_seq for each in receipts.items}
        room.seen = {}
        for user_id, device in {each.user_id: each for each in self._devices}.items():
            if is_member(room, user_id):
                room.seen[user_id] = await _seen(device, room.id, read)

    def _remember(self) -> None:
        """Remember the conversations that this history's people take into the next."""
        used: Counter[int] = Counter()
        for device in self._devices:
            person = self.people[device.plan.person]
            if device.client.session is not None:
                person.sessions[used[device.plan.person]] = device.client.session
            used[device.plan.person] += 1
        for person in self.people:
            for room in self.records.rooms.values():
                if room.log and is_member(room, person.user_id):
                    person.known[room.id] = room.log[-1].seq


def _asked(
    kind: evidence.Kind,
    place: Place,
    device: AnyDevice,
    *,
    about: str = "",
    text: str = "",
    emoji: str = "",
    name: str = "",
    root: str = "",
) -> Write:
    return Write(
        kind=kind,
        conversation_id=place.id,
        user_id=device.user_id,
        began=time.monotonic(),
        about=about,
        client_id=name,
        root=root,
        text=text,
        emoji=emoji,
    )


def _pick(options: Any, at: float) -> Any:
    return options[int(at * len(options))]


async def all_of(client: Client, path: str) -> list[dict[str, Any]]:
    """All items of a list of the API, by seq."""
    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["seq"] if found else 0
        page = await client.request("GET", path, params={"after": after, "limit": 100})
        found += page["items"]
        if page["next_cursor"] is None:
            return found


async def _seen(device: AnyDevice, room_id: str, read: Mapping[str, int]) -> Seen:
    raw = await all_of(device.client, f"/conversations/{room_id}/messages")
    conversation = await device.client.conversations.get(room_id)
    messages = tuple(
        Message(
            each["id"],
            each["seq"],
            each["sender_id"],
            each["client_id"],
            each["text"],
            each["deleted_at"] is not None,
            {reaction["emoji"]: reaction["count"] for reaction in each["reactions"]},
        )
        for each in raw
    )
    shown = tuple(decode(ShownMessage, each) for each in raw)
    return Seen(conversation.unread_count, read[device.user_id], messages, shown)


def logged(raw: Mapping[str, Any]) -> Logged:
    kind, data = raw["type"], raw["data"] or {}
    about = emoji = client_id = ""
    if kind.startswith("message."):
        about, client_id = data["id"], data["client_id"] if kind == "message.created" else ""
    elif kind.startswith("reaction."):
        about, emoji = data["message_id"], data["emoji"]
    elif kind.startswith("member."):
        about = data["user"]["id"]
    return Logged(raw["seq"], kind, raw["actor_id"], about, emoji, client_id)
