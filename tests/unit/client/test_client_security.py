"""Second factors and a person's rights: what the client asks for, and what becomes of the session."""

from __future__ import annotations

import pytest

from secureconnect_client import NotSignedIn
from tests.unit.client.carriers import client, in_loop
from tests.unit.client.world import Reply, World


@in_loop
async def test_a_second_factor_is_begun_confirmed_and_removed() -> None:
    world = World()
    async with client(world) as c:
        await c.login("ada", "a password")
        world.fail("POST", "/auth/totp", Reply(201, {"secret": "S", "otpauth_uri": "otpauth://", "recovery_codes": []}))
        world.fail("POST", "/auth/totp/confirm", Reply(204, None))
        world.fail("DELETE", "/auth/totp", Reply(204, None))

        assert (await c.begin_totp("a password"))["secret"] == "S"
        await c.confirm_totp("123456")
        await c.remove_totp("a password", "654321")

    assert [world.count(*each) for each in (("POST", "/auth/totp"), ("DELETE", "/auth/totp"))] == [1, 1]


@in_loop
async def test_who_is_erased_is_signed_out_here_too() -> None:
    world = World()
    async with client(world) as c:
        await c.login("ada", "a password")
        world.fail("DELETE", "/users/me", Reply(202, {"erased_at": "2026-12-28T00:00:00.000Z"}))

        assert await c.erase_account("a password") == "2026-12-28T00:00:00.000Z"
        with pytest.raises(NotSignedIn):
            await c.me()


@in_loop
async def test_an_export_is_asked_for_and_looked_up() -> None:
    world = World()
    async with client(world) as c:
        await c.login("ada", "a password")
        world.fail("POST", "/users/me/exports", Reply(202, {"id": "exp_1", "status": "running"}))
        world.fail("GET", "/users/me/exports/exp_1", Reply(200, {"id": "exp_1", "status": "ready", "url": "https://x"}))

        export_id = await c.begin_export()
        assert (await c.export(export_id))["status"] == "ready"
