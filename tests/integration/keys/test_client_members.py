"""The client package's encryption over the real routes: people who come into encrypted groups and leave them."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from secureconnect_client.encryption.encryption import Encryption
from secureconnect_client.encryption.errors import (
    CannotDecrypt,
    NotInGroup,
)
from tests.helpers import Person, someone
from tests.integration import rooms
from tests.integration.keys.chats import as_caller, heard
from tests.integration.keys.desk import b64, raw
from tests.integration.keys.server import encryption, started
from tests.mls import Package
from tests.tools import rows


def test_who_comes_later_reads_from_then_on(ada: Person, bob: Person) -> None:
    carol = someone("carol")
    adas, bobs, carols = encryption(ada), encryption(bob), encryption(carol)

    async def chat() -> None:
        await started(adas, bobs, carols)
        tea = await adas.create([bob.user_id])
        await adas.send(tea, "before")
        rooms.add(as_caller(ada), tea, as_caller(carol))
        await bobs.join_waiting()
        assert await bobs.reconcile(tea) == []
        await bobs.send(tea, "welcome")
        assert await heard(carols, tea) == ["welcome"]
        assert await heard(adas, tea) == ["welcome"]
        await carols.send(tea, "hello")
        assert await heard(adas, tea) == ["hello"]

    asyncio.run(chat())


def test_who_was_removed_reads_nothing_more_and_the_others_go_on_by_themselves(ada: Person, bob: Person) -> None:
    carol = someone("carol")
    adas, bobs, carols = encryption(ada), encryption(bob), encryption(carol)

    async def chat() -> None:
        await started(adas, bobs, carols)
        tea = await adas.create([bob.user_id, carol.user_id])
        await adas.send(tea, "all of us")
        assert await heard(carols, tea) == ["all of us"]
        await bobs.join_waiting()
        rooms.remove(as_caller(ada), tea, as_caller(carol))
        await bobs.send(tea, "just us")  # gives the group new keys first, as the server asks for
        assert "just us" in await heard(adas, tea)
        ciphertexts = [row["data"] for row in rows("events") if row["type"] == "message.created"]
        assert len(ciphertexts) == 2
        group = carols._groups.get(tea)
        with pytest.raises(CannotDecrypt, match="Epoch not found"):
            group.receive(raw(json.loads(ciphertexts[-1])["ciphertext"]))

    asyncio.run(chat())


def test_who_was_removed_is_out_before_the_next_word_also_where_another_commit_came_first(
    ada: Person, bob: Person
) -> None:
    """The server takes any commit for new keys, also one that was made before anybody knew that somebody was gone."""
    carol = someone("carol")
    adas, bobs, carols = encryption(ada), encryption(bob), encryption(carol)

    async def chat() -> None:
        await started(adas, bobs, carols)
        tea = await adas.create([bob.user_id, carol.user_id])
        await bobs.join_waiting()
        await carols.join_waiting()
        late = bobs._groups.get(tea).update()
        epoch, _ = bobs._shelf.place(tea)
        rooms.remove(as_caller(ada), tea, as_caller(carol))
        body = {"client_id": "late", "epoch": epoch, "commit": b64(late.message)}
        await bobs._client.request("POST", f"/conversations/{tea}/mls/commits", json=body)
        await adas.send(tea, "without carol")
        assert {each.user_id for each in adas._groups.get(tea).leaves()} == {ada.user_id, bob.user_id}
        assert await heard(bobs, tea) == ["without carol"]

    asyncio.run(chat())


def test_who_is_removed_and_let_in_again_at_once_is_brought_in_anew(ada: Person, bob: Person) -> None:
    """What was in the log in between they do not see, so the state that they have cannot go on."""
    adas, bobs = encryption(ada), encryption(bob)

    async def chat() -> None:
        await started(adas, bobs)
        tea = await adas.create([bob.user_id])
        await bobs.join_waiting()
        rooms.remove(as_caller(ada), tea, as_caller(bob))
        rooms.add(as_caller(ada), tea, as_caller(bob))
        with pytest.raises(NotInGroup, match="let in again"):
            await bobs.catch_up(tea)
        await adas.reconcile(tea)
        await adas.send(tea, "hello again")
        assert await heard(bobs, tea) == ["hello again"]

    asyncio.run(chat())


def test_a_device_that_goes_while_it_is_brought_in_is_left_out(ada: Person, bob: Person) -> None:
    """And a commit that was refused leaves the group as it was."""
    waiting: list[Encryption] = []
    adas, bobs, phone = encryption(ada), encryption(bob), encryption(bob, "phone2")

    async def chat() -> None:
        await started(adas, bobs)
        tea = await adas.create([bob.user_id])
        await bobs.join_waiting()
        await started(phone)
        ask, waiting[:] = adas._client.request, [phone]

        async def request(method: str, path: str, **given: Any) -> Any:
            if path.endswith("/mls/commits") and waiting:
                waiting.clear()
                await bobs._client.request("DELETE", "/keys/devices/phone2")
            return await ask(method, path, **given)

        adas._client.request = request  # type: ignore[method-assign]
        assert await adas.reconcile(tea) == []
        await adas.send(tea, "without the phone")
        assert await heard(bobs, tea) == ["without the phone"]

    asyncio.run(chat())


def test_a_package_that_is_not_valid_yet_keeps_nobody_else_out(ada: Person, bob: Person) -> None:
    """The server hands it out where clocks differ, and the library makes no commit with it."""
    now = int(time.time())
    early = Package(bob.user_id, "early", not_before=now + 1_800, not_after=now + 86_400)

    def ahead(method: str, path: str, answer: Any) -> Any:
        if path == "/keys/claims":
            item = {"user_id": bob.user_id, "device_id": "early", "package": b64(early.message())}
            answer["packages"].append({**item, "last_resort": False})
        return answer

    adas, bobs = encryption(ada, cheat=ahead), encryption(bob)

    async def chat() -> None:
        await started(adas, bobs)
        owner = {"signature_key": b64(early.owner.signature_key), "credential": b64(early.owner.credential)}
        await bobs._client.request("PUT", "/keys/devices/early", json={"name": "early", **owner})
        tea = await adas.create([bob.user_id])
        await adas.send(tea, "hello")
        assert await heard(bobs, tea) == ["hello"]
        assert "early" in await adas.reconcile(tea)

    asyncio.run(chat())


def test_who_comes_in_finds_somebody_who_has_left_since_and_says_nothing_to_them(ada: Person, bob: Person) -> None:
    carol = someone("carol")
    adas, bobs, carols = encryption(ada), encryption(bob), encryption(carol)

    async def chat() -> None:
        await started(adas, bobs, carols)
        tea = await adas.create([bob.user_id, carol.user_id])
        rooms.remove(as_caller(ada), tea, as_caller(carol))
        assert await bobs.join_waiting() == [tea]  # by a Welcome to a group of three
        await bobs.send(tea, "just us")
        assert {each.user_id for each in bobs._groups.get(tea).leaves()} == {ada.user_id, bob.user_id}
        assert await heard(adas, tea) == ["just us"]

    asyncio.run(chat())
