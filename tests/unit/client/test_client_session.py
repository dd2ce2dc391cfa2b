"""Tokens: renewed once, kept before used, never shown."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import httpx
import pytest

from secureconnect_client import ApiError, MemoryStore, NotSignedIn, SqliteStore
from secureconnect_client.models import Ticket
from tests.unit.client.carriers import client, in_loop
from tests.unit.client.world import Reply, World


def refreshes(world: World) -> int:
    return world.count("POST", "/auth/refresh")


@in_loop
async def test_without_a_session_a_call_says_so_and_asks_nobody() -> None:
    world = World()
    async with client(world) as c:
        with pytest.raises(NotSignedIn):
            await c.me()
    assert world.requests == []


@in_loop
async def test_many_calls_with_an_old_token_share_one_refresh() -> None:
    world = World()
    async with client(world) as c:
        world.access_s = 30  # less than the client wants to have left
        await c.login("ada", "a password")
        world.access_s = 900
        people = await asyncio.gather(*(c.me() for _ in range(50)))
    assert {each.id for each in people} == {"ada"}
    assert refreshes(world) == 1


@in_loop
async def test_a_token_that_the_server_calls_expired_is_renewed_and_the_call_repeated() -> None:
    world = World()
    async with client(world) as c:
        await c.login("ada", "a password")
        for token, (user_id, _) in world.access.items():
            world.access[token] = (user_id, 0.0)
        people = await asyncio.gather(*(c.me() for _ in range(20)))
    assert {each.id for each in people} == {"ada"}
    assert refreshes(world) == 1


@in_loop
async def test_a_401_without_a_reason_leads_to_one_refresh_and_no_more() -> None:
    world = World()
    async with client(world) as c:
        await c.login("ada", "a password")
        world.fail("GET", "/users/me", *[Reply(401, {"message": "Unauthorized"})] * 5)
        with pytest.raises(ApiError, match="401"):
            await c.me()
    assert refreshes(world) == 1


@in_loop
async def test_a_revoked_token_is_not_refreshed() -> None:
    world = World()
    async with client(world) as c:
        await c.login("ada", "a password")
        world.fail("GET", "/users/me", Reply(401, {"status": 401, "code": "token_revoked"}))
        with pytest.raises(ApiError, match="token_revoked"):
            await c.me()
    assert refreshes(world) == 0


@in_loop
async def test_a_refresh_goes_on_when_the_call_that_needed_it_is_cancelled() -> None:
    world, store = World(), MemoryStore()
    async with client(world, store=store) as c:
        world.access_s = 30
        await c.login("ada", "a password")
        before = store.load_session()
        call = asyncio.create_task(c.me())
        for _ in range(100):
            await asyncio.sleep(0)
            if refreshes(world):
                break
        call.cancel()
    assert store.load_session() not in (before, None)


@in_loop
async def test_the_next_process_goes_on_with_the_rotated_tokens(tmp_path: Path) -> None:
    world = World(access_s=30)
    for _ in range(3):
        async with client(world, store=tmp_path / "chat.db") as c:
            if c.session is None:
                await c.login("ada", "a password")
            assert (await c.me()).id == "ada"
    assert world.count("POST", "/auth/login") == 1
    assert refreshes(world) == 3


@in_loop
async def test_two_processes_of_one_store_do_not_reuse_a_refresh_token() -> None:
    world, store = World(access_s=30), MemoryStore()
    async with client(world, store=store) as one, client(world, store=store) as two:
        await one.login("ada", "a password")
        async with client(world, store=store) as three:
            world.access_s = 900
            await three.me()
            assert (await one.me()).id == "ada"
        with pytest.raises(NotSignedIn):
            await two.me()
    assert refreshes(world) == 1


@in_loop
async def test_when_the_refresh_is_refused_the_session_is_over() -> None:
    world, store = World(access_s=30), MemoryStore()
    async with client(world, store=store) as c:
        await c.login("ada", "a password")
        world.refresh.clear()
        with pytest.raises(ApiError, match="refresh_reused"):
            await c.me()
        assert c.session is None
    assert store.load_session() is None


@in_loop
async def test_a_hiccup_of_the_refresh_does_not_show_while_the_token_is_good() -> None:
    world = World(access_s=30)
    async with client(world) as c:
        await c.login("ada", "a password")
        world.fail("POST", "/auth/refresh", *[httpx.ConnectError("refused")] * 4)
        assert (await c.me()).id == "ada"


@in_loop
async def test_signing_out_forgets_the_session_even_if_the_server_is_away() -> None:
    world = World()
    async with client(world) as c:
        await c.login("ada", "a password")
        world.fail("POST", "/auth/logout", *[Reply(503, {"code": "dependency_unavailable"})] * 4)
        with pytest.raises(ApiError):
            await c.logout()
        assert c.session is None


@in_loop
async def test_no_secret_is_shown_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world = World(access_s=30)
    async with client(world) as c:
        await c.login("ada", "the password itself")
        await c.me()
        shown = repr(c) + repr(c.session) + repr(Ticket(ticket="t-secret")) + str(vars(c))
    for secret in ("access-", "refresh-", "the password itself", "t-secret"):
        assert secret not in shown + caplog.text


def test_a_file_of_tokens_is_for_its_owner_only(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "chat.db").close()
    assert (tmp_path / "chat.db").stat().st_mode & 0o077 == 0
