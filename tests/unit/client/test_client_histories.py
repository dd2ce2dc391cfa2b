"""R1 and R7 for the client's part: seeded histories with faults, checked against the log.

A failing one is repeated with `pytest -k 'histories and seed_17'`.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from secureconnect_client import Event, Live
from secureconnect_client.events import ConversationRemoved
from secureconnect_client.models import Message
from tests.unit.client.carriers import POLICY, client, eventually, in_loop
from tests.unit.client.world import Conversation, World

OPERATIONS = 200


def noise(rng: random.Random) -> Any:
    """Frames are dropped, doubled and delayed so that they overtake each other."""

    async def damage(text: str) -> AsyncIterator[str]:
        for _ in range(rng.choice([0, 1, 1, 1, 1, 2])):
            if rng.random() < 0.3:
                await asyncio.sleep(rng.uniform(0, 0.004))
            yield text

    return damage


def act(world: World, rng: random.Random, rooms: list[Conversation], live: Live) -> None:
    """One thing that happens to the world."""
    room = rng.choice(rooms)
    message = rng.choice([None, *room.messages.values()])
    choice = rng.random()
    if choice < 0.06:
        live.drop_connection()
    elif choice < 0.08:
        rooms.append(world.conversation("bob", "ada"))
    elif choice < 0.10 and "ada" in room.members:
        world.remove(room, "ada")
    elif choice < 0.13 and "ada" not in room.members:
        world.add(room, "ada")
    elif choice < 0.45 and message is not None and not message.get("deleted_at"):
        emoji = rng.choice("👍🎉")
        match rng.randrange(4):
            case 0:
                world.edit("bob", room, message["id"], f"edited {rng.random()}")
            case 1:
                world.delete("bob", room, message["id"])
            case 2:
                world.react(rng.choice(["ada", "bob"]), room, message["id"], emoji, remove=False)
            case 3:
                world.react(rng.choice(["ada", "bob"]), room, message["id"], emoji, remove=True)
    else:
        world.say(room, "bob", f"{rng.random()}")


def check(events: list[Event], world: World) -> None:
    """Each conversation: without a hole from its start to the log's end, and nothing twice."""
    seen: dict[str, list[int]] = defaultdict(list)
    last: dict[str, int] = {}
    for event in events:
        key = event.conversation_id or ""
        if isinstance(event, ConversationRemoved):
            last.pop(key, None)
            continue
        assert event.seq is not None
        assert last.get(key) in (None, event.seq - 1)
        last[key] = event.seq
        seen[key].append(event.seq)
    for room_id, seqs in seen.items():
        assert len(set(seqs)) == len(seqs)
        room = world.conversations[room_id]
        if "ada" in room.members:
            assert set(range(room.members["ada"], len(room.log) + 1)) <= set(seqs)


async def shown(c: Any, room: Conversation) -> list[Message]:
    return [each async for each in c.messages.iterate(room.id)]


@pytest.mark.parametrize("seed", range(40), ids="seed_{}".format)
@in_loop
async def test_histories_reach_the_reader_whole_and_in_order(seed: int) -> None:
    rng = random.Random(seed)
    world = World(page=rng.choice([5, 100]), sync_events=rng.choice([3, 50]))
    world.hide_own_events = rng.random() < 0.5

    def busy(method: str, path: str) -> Exception | None:
        return httpx.ReadTimeout("injected") if method != "SOCKET" and rng.random() < 0.03 else None

    rooms = [world.conversation("bob", "ada") for _ in range(3)]
    events: list[Event] = []
    async with client(world, tries=8, rng=random.Random(seed)) as c:
        await c.login("ada", "a password")
        world.faults.append(busy)
        live = c.connect(
            policy=POLICY,
            gap_wait_s=0.002,
            ping_interval_s=0.02,
            request_timeout_s=0.2,
            track_state=True,
            frame_filter=noise(rng),
        )
        async with live:

            async def read() -> None:
                async for event in live:
                    events.append(event)
                    await asyncio.sleep(0)

            reader = asyncio.create_task(read())
            for _ in range(OPERATIONS):
                act(world, rng, rooms, live)
                if rng.random() < 0.1:
                    mine = [each for each in rooms if "ada" in each.members]
                    if mine:
                        await c.outbox.send(rng.choice(mine).id, "from ada")
                if rng.random() < 0.5:
                    await asyncio.sleep(rng.uniform(0, 0.002))
            world.faults.clear()
            await c.outbox.flush(timeout_s=5)
            await live.sync()
            await live.caught_up(5)
            await eventually(lambda: not live.stats.waiting)
            check(events, world)
            for room in rooms:
                state = live.state(room.id)
                if "ada" in room.members:
                    assert state is not None
                    assert list(state.messages) == await shown(c, room)
                else:
                    assert state is None
        await asyncio.wait_for(reader, 5)
    sent = [each for room in rooms for each in room.messages.values() if each["text"] == "from ada"]
    assert len({each["client_id"] for each in sent}) == len(sent)
