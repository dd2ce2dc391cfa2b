"""The client over real HTTP and WebSocket connections on loopback."""

from __future__ import annotations

import asyncio
import logging
import re
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from pathlib import Path
from typing import Any

import pytest

import secureconnect_client
from secureconnect_client import ApiError, Client, ConnectionLost, Event, Live, TransportFailed
from secureconnect_client.wire import dial
from tests.integration.client.loopback import Loopback, served
from tests.unit.client.carriers import FAST, POLICY, in_loop
from tests.unit.client.world import World

SETTINGS: dict[str, Any] = {"policy": POLICY, "gap_wait_s": 0.01}


def client(server: Loopback, **options: Any) -> Client:
    return Client(server.http_url, backoff=FAST, outbox_backoff=FAST, **options)


async def take(live: Live, count: int) -> list[Event]:
    return [await asyncio.wait_for(anext(live), 5) for _ in range(count)]


@in_loop
async def test_two_people_talk() -> None:
    world = World()
    room = world.conversation("ada", "bob")
    async with served(world) as server, client(server) as ada, client(server) as bob:
        await ada.login("ada", "a password")
        await bob.login("bob", "a password")
        async with ada.connect(**SETTINGS) as hers, bob.connect(**SETTINGS, track_state=True) as his:
            for number in range(50):
                await hers.send_message(room.id, f"{number} 👍")
            texts = [each.data.get("text") for each in await take(his, 51)]
            assert texts[1:] == [f"{number} 👍" for number in range(50)]
            first = (his.state(room.id) or pytest.fail("no state")).messages[0]
            await his.react(room.id, first.id, "👍🏽")
            assert (await take(hers, 52))[-1].type == "reaction.added"
            state = his.state(room.id)
            assert state is not None
            assert list(state.messages) == [each async for each in bob.messages.iterate(room.id)]


@in_loop
async def test_sockets_that_are_cut_again_and_again_lose_nothing() -> None:
    world = World()
    room = world.conversation("ada", "bob")
    async with served(world) as server, client(server) as c:
        await c.login("ada", "a password")
        async with c.connect(**SETTINGS) as live:
            for number in range(100):
                world.say(room, "bob", f"{number}")
                if number % 10 == 0:
                    await asyncio.sleep(0.01)
                    server.hang_up() if number % 20 else live.drop_connection()
            assert [each.seq for each in await take(live, 101)] == list(range(1, 102))
            assert live.stats.openings > 1


@in_loop
async def test_a_connection_cut_before_the_answer_is_tried_again() -> None:
    world = World()
    room = world.conversation("ada")
    path = f"/conversations/{room.id}/messages"
    async with served(world) as server, client(server) as c:
        await c.login("ada", "a password")
        world.fail("POST", path, OSError("cut"), OSError("cut"))
        await c.messages.send(room.id, "hello")
    assert world.count("POST", path) == 3
    assert len(room.messages) == 1


@in_loop
async def test_a_bad_ticket_is_refused_and_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world = World()
    async with served(world) as server, client(server) as c:
        with pytest.raises(ConnectionLost, match="401"):
            await dial(f"{server.ws_url}&ticket=the-ticket-itself")
        await c.login("ada", "a password")
        async with c.connect(**SETTINGS):
            ticket = f"ticket=t{next(world._ids) - 1}"
    assert "the-ticket-itself" not in caplog.text
    assert ticket not in caplog.text


@in_loop
async def test_a_server_that_is_not_there_is_a_failure_of_transport() -> None:
    async with served(World()) as server:
        pass
    async with client(server, tries=2) as c:
        with pytest.raises(TransportFailed):
            await c.health()
        with pytest.raises(ConnectionLost):
            await dial(server.ws_url)


@in_loop
async def test_a_session_that_ends_ends_the_stream() -> None:
    world = World()
    async with served(world) as server, client(server) as c:
        await c.login("ada", "a password")
        async with c.connect(**SETTINGS) as live:
            world.access.clear()
            world.refresh.clear()
            server.hang_up()
            with pytest.raises(ApiError, match="unauthenticated"):
                await take(live, 1)


@in_loop
async def test_the_examples_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those marked as fragments ask for more than the server of this test can do."""
    monkeypatch.chdir(tmp_path)
    world = World()
    readme = Path(secureconnect_client.__file__).parents[2] / "README.md"
    examples = re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    async with served(world) as server, client(server) as bob:
        await bob.login("bob", "a password")
        names: dict[str, Any] = {"http_url": server.http_url, "password": "a password"}
        for number, example in enumerate(examples):
            if number == 1:
                (room,) = world.conversations.values()
                world.say(room, "bob", "ping")
            code = compile(example, f"README example {number}", "exec", flags=PyCF_ALLOW_TOP_LEVEL_AWAIT)
            await asyncio.wait_for(eval(code, names), 5)
    assert [each["text"] for each in room.messages.values()] == ["hello", "ping", "pong", "whatever happens"]
