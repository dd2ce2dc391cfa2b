"""The live stream over a socket in memory: what comes, what is asked, what happens when it breaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from secureconnect_client import ApiError, ReconnectPolicy
from secureconnect_client.events import ConversationRemoved, MessageCreated
from tests.unit.client.carriers import FAST, MemoryWire, client, dialler, eventually, in_loop
from tests.unit.client.streams import SETTINGS, online, reopened, seqs, take
from tests.unit.client.world import Reply, World


def no_events(text: str) -> Iterator[str]:
    if json.loads(text)["type"] in ("ack", "error", "pong"):
        yield text


@in_loop
async def test_history_comes_first_then_what_happens() -> None:
    world = World()
    room = world.conversation("ada", "bob")
    world.say(room, "bob", "before")
    async with online(world) as (_, live):
        world.say(room, "bob", "after")
        created, before, after = await take(live, 3)
    assert created.type == "conversation.created"
    assert isinstance(after, MessageCreated)
    assert (before.data["text"], after.message.text) == ("before", "after")


@in_loop
async def test_a_batch_is_unpacked_and_fleeting_events_pass_through() -> None:
    world = World()
    async with online(world) as (_, live):
        typing = {"type": "typing", "conversation_id": "c", "data": {"user_id": "bob", "typing": True}}
        world.push("ada", type="batch", events=[typing, "odd", typing])
        assert [each.type for each in await take(live, 2)] == ["typing", "typing"]


@in_loop
async def test_lost_frames_are_read_from_the_log() -> None:
    world = World()
    room = world.conversation("ada", "bob")
    lost = {2, 3, 5}

    def lossy(text: str) -> Iterator[str]:
        if json.loads(text).get("seq") not in lost:
            yield text

    async with online(world, frame_filter=lossy) as (_, live):
        for number in range(6):
            world.say(room, "bob", f"{number}")
        assert seqs(await take(live, 7)) == list(range(1, 8))


@in_loop
async def test_frames_out_of_order_are_put_in_order_without_asking_the_log() -> None:
    world = World()
    room = world.conversation("ada", "bob")

    async def late(text: str) -> AsyncIterator[str]:
        await asyncio.sleep(0.005 if (json.loads(text).get("seq") or 0) % 2 else 0)
        yield text

    async with online(world, frame_filter=late, gap_wait_s=0.5) as (_, live):
        for number in range(6):
            world.say(room, "bob", f"{number}")
        assert seqs(await take(live, 7)) == list(range(1, 8))
        assert live.stats.heals == 0


@in_loop
async def test_the_loss_of_the_last_frame_shows_at_the_next_ping() -> None:
    world = World()
    room = world.conversation("ada", "bob")
    async with online(world, frame_filter=no_events) as (_, live):
        await take(live, 1)
        world.say(room, "bob", "unheard")
        await live.ping()
        assert seqs(await take(live, 1)) == [2]


@in_loop
async def test_pings_go_out_by_themselves() -> None:
    world = World()
    async with online(world, ping_interval_s=0.01):
        for _ in range(500):
            if world.count("SOCKET", "ping") >= 3:
                break
            await asyncio.sleep(0.01)
    assert world.count("SOCKET", "ping") >= 3


@pytest.mark.parametrize("behind", [["{room}"], {"{room}": 2}])
@in_loop
async def test_a_pong_may_name_what_is_behind_in_two_ways(behind: Any) -> None:
    world = World()
    room = world.conversation("ada", "bob")
    async with online(world, frame_filter=no_events) as (_, live):
        await take(live, 1)
        world.say(room, "bob", "unheard")
        named = json.loads(json.dumps(behind).replace("{room}", room.id))
        world.push("ada", type="pong", data={"behind": named})
        assert seqs(await take(live, 1)) == [2]


@in_loop
async def test_a_server_that_could_not_deliver_has_the_client_sync() -> None:
    world = World()
    async with online(world, frame_filter=no_events) as (_, live):
        room = world.conversation("ada", "bob")
        world.push("ada", type="pong", data={"behind": None})
        (event,) = await take(live, 1)
    assert event.conversation_id == room.id


@in_loop
async def test_whoever_joins_late_starts_where_the_log_starts_for_them() -> None:
    world = World()
    room = world.conversation("bob")
    for number in range(5):
        world.say(room, "bob", f"{number}")
    async with online(world) as (_, live):
        world.add(room, "ada")
        world.say(room, "bob", "welcome")
        assert seqs(await take(live, 2)) == [7, 8]


@in_loop
async def test_being_removed_ends_the_log_with_an_event() -> None:
    world = World()
    room = world.conversation("ada", "bob")
    async with online(world) as (_, live):
        world.remove(room, "ada")
        _, removed, ended = await take(live, 3)
    assert removed.type == "member.removed"
    assert isinstance(ended, ConversationRemoved)


@in_loop
async def test_a_frame_of_a_conversation_one_may_not_read_is_dropped() -> None:
    world = World()
    room = world.conversation("bob")
    async with online(world) as (_, live):
        world.push("ada", type="message.created", conversation_id=room.id, seq=9, data={})
        await live.caught_up(5)
        world.push("ada", type="typing", data={})
        assert (await take(live, 1))[0].type == "typing"


@in_loop
async def test_what_was_missed_while_away_comes_after_the_reconnect() -> None:
    world = World()
    room = world.conversation("ada", "bob")
    async with online(world) as (_, live):
        for number in range(20):
            if number % 5 == 0:
                live.drop_connection()
            world.say(room, "bob", f"{number}")
            await asyncio.sleep(0.002)
        assert seqs(await take(live, 21)) == list(range(1, 22))
        assert live.stats.openings > 1


@in_loop
async def test_a_hint_has_the_client_change_sockets_without_a_gap_between_them() -> None:
    world = World()
    async with online(world) as (_, live):
        world.push("ada", type="reconnect", data={"after_ms": 20})
        while live.stats.openings < 2:
            assert live.connected
            await asyncio.sleep(0.001)
        assert live.connected
        await asyncio.sleep(0.01)
        assert len(world.sockets["ada"]) == 1


@in_loop
async def test_a_connection_is_replaced_at_the_end_of_its_lifetime() -> None:
    world = World()
    policy = ReconnectPolicy(backoff=FAST, spread_s=0.001, stable_s=0.0, lifetime_s=(0.01, 0.02))
    async with online(world, policy=policy) as (_, live):
        await reopened(live, 4)


@in_loop
async def test_the_window_that_the_ticket_announces_is_kept_to() -> None:
    world = World()
    world.spread_ms = 6_000_000
    async with online(world) as (_, live):
        live.drop_connection()
        await asyncio.sleep(0.1)
        assert not live.connected
        live.reconnect_now()
        await reopened(live, 2)


@in_loop
async def test_a_socket_that_has_died_with_its_network_is_replaced_when_the_network_is_back() -> None:
    world, wires = World(), list[MemoryWire]()

    async def dial(url: str) -> MemoryWire:
        wires.append(await dialler(world)(url))
        return wires[-1]

    async with client(world, dial=dial) as c:
        await c.login("ada", "a password")
        async with c.connect(**SETTINGS | {"request_timeout_s": 0.05}) as live:
            await live.caught_up(5)
            live.reconnect_now(network_was_gone=True)
            await eventually(lambda: world.count("SOCKET", "ping") == 1)
            assert live.stats.openings == 1  # as the socket answers
            wires[0].lost = True
            live.reconnect_now(network_was_gone=True)
            await reopened(live, 2)


@in_loop
async def test_the_stream_ends_with_the_session_after_all_events_were_delivered() -> None:
    world = World()
    world.conversation("ada")
    async with online(world) as (_, live):
        world.fail("POST", "/realtime/tickets", Reply(401, {"status": 401, "code": "token_revoked"}))
        world.push("ada", type="session.revoked", data={})
        live.drop_connection()
        assert [each.type for each in await take(live, 2)] == ["conversation.created", "session.revoked"]
        with pytest.raises(ApiError, match="token_revoked"):
            await take(live, 1)


@in_loop
async def test_a_first_connection_that_is_refused_raises() -> None:
    world = World()
    world.fail("POST", "/realtime/tickets", Reply(403, {"status": 403, "code": "forbidden"}))
    with pytest.raises(ApiError, match="forbidden"):
        async with online(world):
            pass


@in_loop
async def test_a_first_connection_waits_for_a_server_that_is_just_away() -> None:
    world = World()
    world.fail("POST", "/realtime/tickets", *[Reply(500, {"status": 500, "code": "internal"})] * 3)
    async with online(world) as (_, live):
        assert live.connected


@in_loop
async def test_a_reader_who_is_slow_makes_the_client_ask_later_not_keep_more() -> None:
    world = World(page=10, sync_events=10)
    room = world.conversation("ada", "bob")
    async with online(world, max_queue=10) as (_, live):
        for number in range(200):
            world.say(room, "bob", f"{number}")
        await asyncio.sleep(0.05)
        assert live.stats.waiting <= 20
        assert seqs(await take(live, 201)) == list(range(1, 202))


@in_loop
async def test_one_may_start_with_what_happens_from_now_on_or_from_the_beginning_again() -> None:
    world = World()
    room = world.conversation("ada", "bob")
    async with client(world) as c:
        await c.login("ada", "a password")
        async with c.connect(**SETTINGS, start="now") as live:
            world.say(room, "bob", "now")
            assert seqs(await take(live, 1)) == [2]
        async with c.connect(**SETTINGS) as live:
            world.say(room, "bob", "next")
            assert seqs(await take(live, 1)) == [3]
        async with c.connect(**SETTINGS, start="beginning") as live:
            assert seqs(await take(live, 3)) == [1, 2, 3]


@in_loop
async def test_events_that_were_not_iterated_come_with_the_next_stream() -> None:
    world = World()
    room = world.conversation("ada", "bob")
    for number in range(5):
        world.say(room, "bob", f"{number}")
    async with client(world) as c:
        await c.login("ada", "a password")
        async with c.connect(**SETTINGS) as live:
            await live.caught_up(5)
            assert seqs(await take(live, 2)) == [1, 2]
        async with c.connect(**SETTINGS) as live:
            assert seqs(await take(live, 4)) == [3, 4, 5, 6]


@in_loop
async def test_a_closed_stream_stops_iterating() -> None:
    world = World()
    async with online(world) as (_, live):
        waiting = asyncio.create_task(anext(live, None))
        await asyncio.sleep(0)
    assert await asyncio.wait_for(waiting, 1) is None


@in_loop
async def test_a_sync_over_the_socket_catches_up_at_once() -> None:
    world = World(sync_events=3)
    room = world.conversation("ada", "bob")
    async with online(world, frame_filter=no_events) as (_, live):
        for number in range(10):
            world.say(room, "bob", f"{number}")
        await live.sync()
        assert seqs(await take(live, 11)) == list(range(1, 12))
    assert world.count("SOCKET", "sync") >= 4


def no_sync(text: str) -> Iterator[str]:
    frame = json.loads(text)
    if frame["type"] == "ack" and "conversations" in (frame.get("data") or {}):
        yield json.dumps({"type": "error", "id": frame["id"], "problem": {"status": 413, "code": "payload_too_large"}})
    else:
        yield from no_events(text)


@in_loop
async def test_what_is_too_large_for_the_socket_is_synced_over_http() -> None:
    world = World()
    room = world.conversation("ada", "bob")
    async with online(world, frame_filter=no_sync) as (_, live):
        before = world.count("POST", "/sync")
        world.say(room, "bob", "hello")
        await live.sync()
        assert seqs(await take(live, 2)) == [1, 2]
        assert world.count("SOCKET", "sync") == 1
        assert world.count("POST", "/sync") == before + 1
