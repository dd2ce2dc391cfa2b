"""The client package's encryption over the real routes, where a member sends what no client makes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from secureconnect_client.encryption.vault import SqliteVault
from tests.helpers import Person
from tests.integration.keys.desk import b64
from tests.integration.keys.server import encryption, started
from tests.mls import PROPOSAL, private_message

Route = tuple[str, dict[str, Any]]
MESSAGE: Route = ("messages", {"type": "encrypted"})
CHANGE: Route = ("mls/changes", {})


@pytest.mark.attack
@pytest.mark.parametrize(
    ("route", "data"),
    [
        pytest.param(MESSAGE, b"[" * 30_000, id="a deep message"),
        pytest.param(MESSAGE, b'{"text": "\\ud800"}', id="half a surrogate pair"),
        pytest.param(MESSAGE, b'{"text": "", "voice": {"duration_ms": 1e999, "waveform": []}}', id="an endless voice"),
        pytest.param(CHANGE, b"[" * 30_000, id="a deep change"),
        pytest.param(CHANGE, b'{"change": {"of": "\\ud800", "close": true}}', id="a name that cannot be stored"),
    ],
)
def test_whatever_a_member_writes_others_read_on(
    ada: Person, bob: Person, tmp_path: Path, route: Route, data: bytes
) -> None:
    adas, bobs = encryption(ada), encryption(bob, vault=SqliteVault(tmp_path / "keys.db", bob.user_id))
    path, fields = route

    async def chat() -> None:
        await started(adas, bobs)
        tea = await adas.create([bob.user_id])
        await bobs.join_waiting()
        group = adas._groups.get(tea)
        body = {"client_id": "c1", "ciphertext": b64(group.encrypt(data)), **fields}
        group.save()
        await adas._client.request("POST", f"/conversations/{tea}/{path}", json=body)
        await adas.send(tea, "go on")
        assert [each.text for each in await bobs.catch_up(tea)][-1] == "go on"
        assert await bobs.back_up("correct horse") > 0

    asyncio.run(chat())


def test_a_proposal_that_nobody_can_decrypt_is_passed_over(ada: Person, bob: Person) -> None:
    adas, bobs = encryption(ada), encryption(bob)

    async def chat() -> None:
        await started(adas, bobs)
        tea = await adas.create([bob.user_id])
        await bobs.join_waiting()
        epoch, _ = bobs._shelf.place(tea)
        body = {"client_id": "c1", "proposal": b64(private_message(tea, epoch, PROPOSAL))}
        await bobs._client.request("POST", f"/conversations/{tea}/mls/proposals", json=body)
        await adas.send(tea, "go on")
        assert [each.text for each in await bobs.catch_up(tea)] == ["go on"]

    asyncio.run(chat())
