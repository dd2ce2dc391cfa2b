"""The same events without a socket; bookmarks over restarts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from secureconnect_client import ApiError, Client, Event
from secureconnect_client.catch_up import MAX_SYNC_CURSORS
from secureconnect_client.events import ConversationRemoved
from tests.unit.client.carriers import POLICY, client, in_loop
from tests.unit.client.world import Reply, World


async def take(c: Client, count: int) -> list[Event]:
    events: list[Event] = []
    async for event in c.poll(interval_s=0.001):
        events.append(event)
        if len(events) == count:
            break
    return events


@in_loop
async def test_polling_gives_every_event_once_and_in_order_page_after_page() -> None:
    world = World(sync_events=7)
    rooms = [world.conversation("ada", "bob") for _ in range(3)]
    for number in range(30):
        world.say(rooms[number % 3], "bob", f"{number}")
    async with client(world) as c:
        await c.login("ada", "a password")
        events = await take(c, 33)
        world.say(rooms[0], "bob", "later")
        assert (await take(c, 1))[0].data["text"] == "later"
    for room in rooms:
        assert [each.seq for each in events if each.conversation_id == room.id] == list(range(1, 12))


@in_loop
async def test_passing_failures_are_waited_out() -> None:
    world = World()
    world.conversation("ada")
    async with client(world, tries=1) as c:
        await c.login("ada", "a password")
        world.fail("POST", "/sync", httpx.ConnectError("refused"))
        assert len(await take(c, 1)) == 1


@in_loop
async def test_polling_ends_with_the_session() -> None:
    world = World()
    async with client(world) as c:
        await c.login("ada", "a password")
        world.fail("POST", "/sync", Reply(401, {"status": 401, "code": "token_revoked"}))
        with pytest.raises(ApiError, match="token_revoked"):
            await take(c, 1)


@in_loop
async def test_being_removed_is_an_event() -> None:
    world = World()
    room = world.conversation("ada", "bob")
    async with client(world) as c:
        await c.login("ada", "a password")
        await take(c, 1)
        world.remove(room, "ada")
        (event,) = await take(c, 1)
        assert isinstance(event, ConversationRemoved)
        assert event.conversation_id == room.id


@in_loop
async def test_who_comes_back_after_missing_both_goodbye_and_welcome_starts_anew() -> None:
    world = World()
    room = world.conversation("ada", "bob")
    async with client(world) as c:
        await c.login("ada", "a password")
        await take(c, 1)
        world.remove(room, "ada")
        world.say(room, "bob", "not for ada")
        world.add(room, "ada")
        ended, welcome = await take(c, 2)
    assert isinstance(ended, ConversationRemoved)
    assert (welcome.type, welcome.seq) == ("member.added", 4)


@in_loop
async def test_the_next_process_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    world = World()
    room = world.conversation("ada", "bob")
    for number in range(9):
        world.say(room, "bob", f"{number}")
    seen: list[int | None] = []
    for _ in range(5):
        async with client(world, store=tmp_path / "chat.db") as c:
            if c.session is None:
                await c.login("ada", "a password")
            seen += [each.seq for each in await take(c, 2)]
    assert seen == list(range(1, 11))


@in_loop
async def test_who_comes_back_at_once_starts_anew_also_in_the_next_process(tmp_path: Path) -> None:
    world = World()
    room = world.conversation("ada", "bob")
    async with client(world, store=tmp_path / "chat.db") as c:
        await c.login("ada", "a password")
        async with c.connect(policy=POLICY) as live:
            await live.caught_up(5)
            world.remove(room, "ada")
            removed = [await asyncio.wait_for(anext(live), 5) for _ in range(2)][-1]
            world.add(room, "ada")
    assert (removed.type, removed.seq) == ("member.removed", 2)
    async with client(world, store=tmp_path / "chat.db") as c:
        ended, welcome = await take(c, 2)
    assert isinstance(ended, ConversationRemoved)
    assert (welcome.type, welcome.seq) == ("member.added", 3)
    async with client(world, store=tmp_path / "chat.db") as c:
        world.say(room, "bob", "hello")
        assert [each.seq for each in await take(c, 1)] == [4]


@in_loop
async def test_an_event_whose_handling_crashed_comes_again(tmp_path: Path) -> None:
    world = World()
    world.conversation("ada")

    async def crash() -> None:
        async with client(world, store=tmp_path / "chat.db") as c:
            await c.login("ada", "a password")
            await take(c, 1)
            raise RuntimeError("the application failed")

    with pytest.raises(RuntimeError):
        await crash()
    async with client(world, store=tmp_path / "chat.db") as c:
        assert (await take(c, 1))[0].seq == 1


@in_loop
async def test_with_more_conversations_than_a_sync_takes_the_list_is_read() -> None:
    world = World()
    rooms = [world.conversation("ada", "bob") for _ in range(MAX_SYNC_CURSORS + 5)]
    async with client(world) as c:
        await c.login("ada", "a password")
        await take(c, len(rooms))
        world.say(rooms[-1], "bob", "hello")
        world.remove(rooms[3], "ada")
        events = await take(c, 2)
    assert {(each.type, each.conversation_id) for each in events} == {
        ("message.created", rooms[-1].id),
        ("conversation.removed", rooms[3].id),
    }


@in_loop
async def test_a_live_call_is_shown_once_each_time_it_changes() -> None:
    world = World()
    calls = [{"id": "call_1", "conversation_id": "c", "state": "ringing"}]
    answer = {"conversations": [], "removed": [], "more": False, "ephemeral": {"calls": calls}}
    active = answer | {"ephemeral": {"calls": [calls[0] | {"state": "active"}]}}
    async with client(world) as c:
        await c.login("ada", "a password")
        world.fail("POST", "/sync", *[Reply(200, each) for each in (answer, answer, active)])
        assert [each.type for each in await take(c, 2)] == ["call.ringing", "call.updated"]
