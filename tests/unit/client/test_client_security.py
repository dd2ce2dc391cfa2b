"""Second factors and a person's rights: what the client asks for, and what becomes of the session."""

from __future__ import annotations

import json

import pytest

from secureconnect_client import NotSignedIn
from tests.unit.client.answering import Answering, asked
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


@in_loop
async def test_passkeys_are_begun_added_listed_and_removed() -> None:
    begun, options = await asked(lambda c: c.begin_passkey(password="p"), {"registration_id": "r", "options": {}})
    assert (begun.url.path, json.loads(begun.content)) == ("/v1/auth/passkeys/registrations", {"password": "p"})
    assert options["registration_id"] == "r"
    kept = {
        "id": "psk_1",
        "name": "Phone",
        "created_at": "2026-11-28T12:00:00.000Z",
        "last_used_at": None,
        "synced": True,
    }
    added, passkey = await asked(lambda c: c.add_passkey("r", {"id": "x"}, "Phone"), kept)
    assert json.loads(added.content) == {"registration_id": "r", "credential": {"id": "x"}, "name": "Phone"}
    assert (passkey.id, passkey.synced, passkey.last_used_at) == ("psk_1", True, None)
    _, (listed,) = await asked(lambda c: c.passkeys(), {"items": [kept]})
    assert listed == passkey
    removed, _ = await asked(lambda c: c.remove_passkey("psk_1"), None)
    assert (removed.method, removed.url.path) == ("DELETE", "/v1/auth/passkeys/psk_1")


@in_loop
async def test_signing_in_by_a_passkey_begins_a_session() -> None:
    tokens = {"access_token": "a", "refresh_token": "r", "expires_in": 900, "session_id": "ses_1"}
    server = Answering({"user": {"id": "usr_1", "username": "ada"}, "tokens": tokens})
    async with server.client() as client:
        profile = await client.login_with_passkey("pch_1", {"id": "x"}, device_name="Laptop")
    (request,) = server.asked
    assert "authorization" not in request.headers
    assert json.loads(request.content)["device_name"] == "Laptop"
    assert (profile.id, client.user_id) == ("usr_1", "usr_1")
