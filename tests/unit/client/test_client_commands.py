"""Requests over the socket, and their way out when it fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from secureconnect_client import ApiError, ConnectionLost, NotSignedIn
from secureconnect_client.errors import FrameRefused
from tests.unit.client.carriers import in_loop
from tests.unit.client.streams import online, reopened, take
from tests.unit.client.world import Conversation, World


def no_acks(text: str) -> Iterator[str]:
    if json.loads(text)["type"] not in ("ack", "error"):
        yield text


@in_loop
async def test_a_message_over_the_socket_is_acknowledged_and_seen_once_by_its_sender() -> None:
    world = World()
    room = world.conversation("ada")
    for world.hide_own_events in (True, False):
        async with online(world, start="now") as (_, live):
            message = await live.send_message(room.id, "hello")
            (event,) = await take(live, 1)
            edited = await live.edit_message(room.id, message.id, "bye")
            await live.react(room.id, message.id, "👍")
            await live.react(room.id, message.id, "👍", remove=True)
            await live.delete_message(room.id, message.id)
            kinds = [each.type for each in await take(live, 4)]
        assert (event.seq, event.data["id"]) == (message.seq, message.id)
        assert edited.text == "bye"
        assert kinds == ["message.updated", "reaction.added", "reaction.removed", "message.deleted"]
    assert world.count("POST", f"/conversations/{room.id}/messages") == 0


@in_loop
async def test_an_error_frame_is_an_api_error() -> None:
    world = World()
    room = world.conversation("ada")
    async with online(world) as (_, live):
        with pytest.raises(ApiError, match="not_found"):
            await live.send_message("cnv_none", "hello")
        with pytest.raises(ApiError, match="unknown_action"):
            await live.request("fly", conversation_id=room.id)


def check_sent_twice(world: World, room: Conversation) -> None:
    assert [each["text"] for each in room.messages.values()] == ["hello"]
    assert world.count("SOCKET", "sendMessage") == 1
    assert world.count("POST", f"/conversations/{room.id}/messages") == 1


@in_loop
async def test_when_the_acknowledgement_is_lost_the_same_message_goes_over_http() -> None:
    world = World()
    room = world.conversation("ada")
    async with online(world, frame_filter=no_acks, request_timeout_s=0.02) as (_, live):
        message = await live.send_message(room.id, "hello")
        assert message.text == "hello"
    check_sent_twice(world, room)


@in_loop
async def test_when_the_gateway_has_no_room_for_a_frame_the_same_message_goes_over_http_after_a_moment() -> None:
    world = World()
    room = world.conversation("ada")

    def refusing(text: str) -> Iterator[str]:
        if json.loads(text)["type"] == "ack":
            yield json.dumps({"message": "Internal server error", "connectionId": "c", "requestId": "r"})
        else:
            yield text

    async with online(world, frame_filter=refusing, request_timeout_s=30.0) as (_, live):
        async with asyncio.timeout(5):
            await live.send_message(room.id, "hello")
        with pytest.raises(FrameRefused):
            await live.request("ping")
        assert live.connection is not None
    check_sent_twice(world, room)


@in_loop
async def test_when_the_socket_drops_while_waiting_the_same_message_goes_over_http() -> None:
    world = World()
    room = world.conversation("ada")

    def dropping(text: str) -> Iterator[str]:
        if json.loads(text)["type"] == "ack":
            live.drop_connection()
        else:
            yield text

    async with online(world, frame_filter=dropping) as (_, live):
        await live.send_message(room.id, "hello")
    check_sent_twice(world, room)


@in_loop
async def test_without_a_socket_commands_go_over_http() -> None:
    world = World()
    room = world.conversation("ada")
    world.spread_ms = 6_000_000
    async with online(world) as (_, live):
        live.drop_connection()
        await asyncio.sleep(0.01)
        message = await live.send_message(room.id, "hello")
        await live.typing(room.id)
        assert (await live.mark_read(room.id, message.seq)).read_seq == message.seq
        with pytest.raises(ConnectionLost):
            await live.request("watchPresence", user_ids=[])


@in_loop
async def test_a_message_too_large_for_a_frame_goes_over_http() -> None:
    world = World()
    room = world.conversation("ada")
    async with online(world) as (_, live):
        await live.send_message(room.id, "👍" * 9_000)
    assert world.count("SOCKET", "sendMessage") == 0
    assert len(room.messages) == 1


@in_loop
async def test_a_socket_that_is_dead_without_knowing_it_is_replaced() -> None:
    world = World()
    async with online(world, request_timeout_s=0.02) as (_, live):
        world.deaf = True
        with pytest.raises(ConnectionLost):
            await live.ping()
        world.deaf = False
        await reopened(live, 2)


@in_loop
async def test_a_stream_never_goes_on_as_somebody_else() -> None:
    world = World()
    room = world.conversation("ada", "bob")
    async with online(world) as (c, live):
        await c.login("bob", "a password")
        live.drop_connection()
        await asyncio.sleep(0.01)
        with pytest.raises(NotSignedIn):
            await live.send_message(room.id, "hello")
        await take(live, 1)
        with pytest.raises(NotSignedIn):
            await take(live, 1)
    assert room.messages == {}
