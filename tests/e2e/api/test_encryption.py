"""Encrypted conversations over the deployed stack: devices of the client package, and the server's stored data."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from secureconnect_client import ApiError, Client
from secureconnect_client.encryption.changes import Change
from secureconnect_client.encryption.content import PollContent, Voice
from secureconnect_client.encryption.encryption import Encryption
from secureconnect_client.events import KeysChanged, MlsEvent
from tests.e2e import places
from tests.e2e.people import PASSWORD, Town


@contextlib.asynccontextmanager
async def _person(town: Town, name: str, store: Path) -> AsyncIterator[Client]:
    made = town.person(name)
    async with Client(town.http_url, store=store) as client:
        await client.login(made.username, PASSWORD)
        yield client


async def _started(client: Client, device_id: str, vault: Path) -> Encryption:
    device = client.encryption(device_id, vault=vault)
    await device.register(device_id)
    return device


async def _chat(town: Town, folder: Path, canary: str) -> str:
    """A chat of three people with four devices that come, go and change keys; returns the conversation's id."""
    async with (
        _person(town, "ada", folder / "ada.db") as ada,
        _person(town, "bob", folder / "bob.db") as bob,
        _person(town, "carol", folder / "carol.db") as carol,
    ):
        phone = await _started(ada, "phone", folder / "phone.db")
        laptop = await _started(ada, "laptop", folder / "laptop.db")
        bobs, carols = await _started(bob, "b", folder / "b.db"), await _started(carol, "c", folder / "c.db")
        async with bob.connect(start="now") as live:
            tea = await phone.create([bob.user_id], name="Tea")
            async with asyncio.timeout(20):
                async for event in live:
                    if isinstance(event, MlsEvent) and event.type == "mls.welcome":
                        break
        assert await bobs.join_waiting() == [tea]
        await laptop.join_waiting()
        for number, device in enumerate([phone, bobs, laptop, phone]):
            await device.send(tea, f"{canary} {number}")
        assert [each.text for each in await bobs.catch_up(tea)] == [f"{canary} 2", f"{canary} 3"]
        await laptop.catch_up(tea)
        assert [each.text for each in laptop.decrypted(tea)] == [f"{canary} {n}" for n in range(4)]

        # changes of messages, a poll and a voice message
        first = phone.decrypted(tea)[0]
        poll = await phone.send(tea, f"{canary}?", poll=PollContent((f"{canary} yes", f"{canary} no")))
        await laptop.send(tea, "", voice=Voice(1_500, (0, 50, 100)))
        await bobs.catch_up(tea)
        await phone.change(tea, Change(first.message_id, edit=f"{canary} edited"))
        await bobs.change(tea, Change(first.message_id, react="🦔"))
        await bobs.change(tea, Change(poll.message_id, vote=(1,)))
        for each in (phone, bobs):
            await each.catch_up(tea)
        assert bobs.decrypted(tea)[0].text == f"{canary} edited"
        assert phone.decrypted(tea)[0].changes.reactions == {"🦔": (bob.user_id,)}
        assert phone.decrypted(tea)[-2].changes.votes == {bob.user_id: (1,)}
        await laptop.catch_up(tea)

        await ada.conversations.add_members(tea, [carol.user_id])
        await bobs.reconcile(tea)
        assert await carols.join_waiting() == [tea]
        await bobs.send(tea, f"{canary} with carol")
        assert [each.text for each in await carols.catch_up(tea)] == [f"{canary} with carol"]

        await ada.conversations.remove_member(tea, carol.user_id)
        await phone.send(tea, f"{canary} without carol")  # gives the group new keys first
        assert [each.text for each in await bobs.catch_up(tea)] == [f"{canary} without carol"]
        with pytest.raises(ApiError):
            await carols.catch_up(tea)

        async with bob.connect(start="now") as live:
            await ada.request("DELETE", "/keys/devices/laptop")
            async with asyncio.timeout(20):
                async for event in live:
                    if isinstance(event, KeysChanged) and event.conversation_id == tea:
                        break
            told = event.data["user_id"], event.data["device_id"], event.data["action"]
            assert told == (ada.user_id, "laptop", "removed")
        await bobs.send(tea, f"{canary} without the laptop")
        await phone.catch_up(tea)
        assert phone.decrypted(tea)[-1].text == f"{canary} without the laptop"
        assert await phone.safety_number(bob.user_id) == await bobs.safety_number(ada.user_id)
        return tea


def test_devices_come_and_go_in_an_encrypted_chat_and_the_server_keeps_nothing_of_what_is_said(
    town: Town, endpoints: dict[str, str], endpoints_file: Path, tmp_path: Path
) -> None:
    """R56: after a chat, no table, blob, queue, cache or log contains plaintext."""
    canary = f"c4n4ry{secrets.token_hex(8)}"
    tea = asyncio.run(_chat(town, tmp_path, canary))
    kept = [each(endpoints) for each in (places.tables, places.blobs, places.queues, places.cache)]
    texts = {place: text for part in [*kept, places.logs(endpoints_file.parent)] for place, text in part.items()}
    assert any(tea in text for text in texts.values())  # proves that the scan finds stored text
    assert [place for place, text in texts.items() if canary in text or "🦔" in text] == []
