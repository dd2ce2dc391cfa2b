"""The client package's encryption over the real routes: devices that lose keys, start again or are killed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from accounts.sessions import service as sessions
from secureconnect_client.encryption.errors import (
    NotInGroup,
)
from secureconnect_client.encryption.vault import MemoryVault, SqliteVault
from tests.helpers import Person
from tests.integration.keys.chats import heard
from tests.integration.keys.desk import log, signed_in_again
from tests.integration.keys.server import encryption, started


def test_a_device_that_lost_its_keys_comes_back_with_another_key(ada: Person, bob: Person) -> None:
    adas, bobs = encryption(ada), encryption(bob)

    async def chat() -> None:
        await started(adas, bobs)
        tea = await adas.create([bob.user_id])
        await bobs.join_waiting()
        anew = encryption(bob)  # the same device, with an empty vault
        await started(anew)
        await adas.send(tea, "with your new key")
        assert await heard(anew, tea) == ["with your new key"]
        with pytest.raises(NotInGroup):
            await bobs.catch_up(tea)

    asyncio.run(chat())


def test_who_signs_in_again_goes_on_with_the_device_in_their_folder_and_others_see_no_change(
    ada: Person, bob: Person, tmp_path: Path
) -> None:
    """The session was ended as a copied refresh token ends it; meanwhile others list the devices and write."""
    bobs, folder = encryption(bob), tmp_path / "keys.db"
    before = encryption(ada, vault=SqliteVault(folder, ada.user_id))

    async def chat() -> None:
        await started(before, bobs)
        tea = await bobs.create([ada.user_id])
        await before.join_waiting()
        number = await bobs.safety_number(ada.user_id)
        sessions.revoke(ada.user_id, [ada.session_id], reason="refresh_reused", sockets_of=[])
        await bobs.reconcile(tea)
        await bobs.send(tea, "while you were away")

        again = encryption(signed_in_again(ada), vault=SqliteVault(folder, ada.user_id))
        await started(again)
        assert await heard(again, tea) == ["while you were away"]
        await again.send(tea, "back")

        assert await heard(bobs, tea) == ["back"]
        assert await bobs.safety_number(ada.user_id) == number
        assert [each["action"] for each in log(bob, ada)] == ["added"]

    asyncio.run(chat())


def test_an_update_gives_the_group_new_keys_and_everybody_goes_on(ada: Person, bob: Person) -> None:
    adas, bobs = encryption(ada), encryption(bob)

    async def chat() -> None:
        await started(adas, bobs)
        tea = await adas.create([bob.user_id])
        await bobs.join_waiting()
        for number in range(3):
            await bobs.update(tea)
            await adas.send(tea, f"after {number}")
        assert await heard(bobs, tea) == ["after 2"]
        assert [each.text for each in bobs.decrypted(tea)] == ["after 0", "after 1", "after 2"]

    asyncio.run(chat())


def test_a_device_goes_on_after_a_restart_with_what_its_vault_holds(ada: Person, bob: Person, tmp_path: Any) -> None:
    path = tmp_path / "keys.db"
    bobs = encryption(bob)

    async def chat() -> None:
        vault = SqliteVault(path, ada.user_id)
        adas = encryption(ada, vault=vault)
        await started(adas, bobs)
        tea = await adas.create([bob.user_id])
        await adas.send(tea, "one")
        vault.close()
        assert await heard(bobs, tea) == ["one"]
        await bobs.send(tea, "two")
        again = encryption(ada, vault=SqliteVault(path, ada.user_id))
        assert await heard(again, tea) == ["two"]
        await again.send(tea, "three")
        assert await heard(bobs, tea) == ["three"]
        assert [each.text for each in again.decrypted(tea)] == ["one", "two", "three"]

    asyncio.run(chat())


class Killed(BaseException):
    """The process of a client ends here."""


def test_a_device_that_is_killed_before_its_commit_is_answered_goes_on_with_it(ada: Person, bob: Person) -> None:
    """What was sent may have been taken: the log then brings it, and the device has to know it as its own."""
    kills: list[Killed] = []

    def kill(method: str, path: str, answer: Any) -> Any:
        if method == "POST" and path.endswith("/mls/commits") and kills:
            raise kills.pop()
        return answer

    vault, bobs = MemoryVault(), encryption(bob)
    adas = encryption(ada, vault=vault, cheat=kill)

    async def chat() -> None:
        await started(adas, bobs)
        tea = await adas.create([bob.user_id])
        kills.append(Killed())
        with pytest.raises(Killed):
            await adas.update(tea)
        again = encryption(ada, vault=vault)
        await again.send(tea, "still here")
        assert await heard(bobs, tea) == ["still here"]

    asyncio.run(chat())
