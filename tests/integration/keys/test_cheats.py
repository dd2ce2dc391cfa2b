"""The client package's encryption over the real routes, where the server or a member cheats."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from secureconnect_client.encryption.errors import (
    GhostDevice,
    KeySwapped,
    LogTampered,
    ServerMisbehaved,
)
from secureconnect_client.encryption.mls_rs import MlsRsEngine
from secureconnect_client.encryption.vault import MemoryVault
from tests.helpers import Person, someone
from tests.integration.keys.desk import b64
from tests.integration.keys.server import Cheat, encryption, started


def log_with(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Cheat:
    """A server that shows another log."""

    def cheat(method: str, path: str, answer: Any) -> Any:
        if path.endswith("/events"):
            answer["items"] = change(answer["items"])
        return answer

    return cheat


def _commits(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in items if each["type"] == "mls.commit"]


def _swapped(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    commits = _commits(items)
    if len(commits) > 1:
        commits[0]["data"], commits[1]["data"] = commits[1]["data"], commits[0]["data"]
    return items


def _dropped(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in items if each not in _commits(items)[:1]]


def _closed_up(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first commit is dropped, and what follows is numbered so that no hole shows."""
    first = _commits(items)[:1]
    for each in items:
        if first and each["seq"] > first[0]["seq"]:
            each["seq"] -= 1
    return [each for each in items if each not in first]


def _replayed(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    commits = _commits(items)
    if len(commits) > 1:
        commits[1]["data"] = dict(commits[0]["data"])
    return items


def _renumbered(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An old commit under the epoch of the next one."""
    commits = _commits(items)
    if len(commits) > 1:
        commits[1]["data"] = {**commits[0]["data"], "epoch": commits[1]["data"]["epoch"]}
    return items


@pytest.mark.attack
@pytest.mark.parametrize("change", [_swapped, _dropped, _closed_up, _replayed, _renumbered])
def test_commits_that_were_dropped_shuffled_or_repeated_are_noticed(ada: Person, bob: Person, change: Any) -> None:
    adas, bobs = encryption(ada), encryption(bob, cheat=log_with(change))

    async def chat() -> None:
        await started(adas, bobs)
        tea = await adas.create([bob.user_id])
        await bobs.join_waiting()
        await adas.update(tea)
        await adas.update(tea)
        await adas.send(tea, "hello")
        with pytest.raises(LogTampered):
            await bobs.catch_up(tea)

    asyncio.run(chat())


@pytest.mark.attack
def test_a_message_put_into_somebody_elses_mouth_is_noticed(ada: Person, bob: Person) -> None:
    carol = someone("carol")

    def blame_carol(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for each in items:
            if each["type"] == "message.created":
                each["data"]["sender_id"] = carol.user_id
        return items

    adas, bobs = encryption(ada), encryption(bob, cheat=log_with(blame_carol))

    async def chat() -> None:
        await started(adas, bobs)
        tea = await adas.create([bob.user_id, carol.user_id])
        await bobs.join_waiting()
        await adas.send(tea, "hello")
        with pytest.raises(LogTampered, match="another sender"):
            await bobs.catch_up(tea)

    asyncio.run(chat())


def test_a_repeated_message_is_read_once(ada: Person, bob: Person) -> None:
    def twice(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        again = []
        for each in [each for each in items if each["type"] == "message.created"][-1:]:
            again.append({**each, "seq": items[-1]["seq"] + 1})
        return [*items, *again]

    adas, bobs = encryption(ada), encryption(bob, cheat=log_with(twice))

    async def chat() -> None:
        await started(adas, bobs)
        tea = await adas.create([bob.user_id])
        await bobs.join_waiting()
        await adas.send(tea, "once")
        assert [each.text for each in await bobs.catch_up(tea)] == ["once", None]

    asyncio.run(chat())


@pytest.mark.attack
def test_a_swapped_key_package_is_not_added(ada: Person, bob: Person) -> None:
    mallory = someone("mallory")
    evil = MlsRsEngine(MemoryVault(), user_id=bob.user_id, device_id="phone")  # bob's name, another key

    def swap(method: str, path: str, answer: Any) -> Any:
        if path == "/keys/claims":
            for each in answer["packages"]:
                each["package"] = b64(evil.key_package())
        return answer

    adas, bobs, mallorys = encryption(ada, cheat=swap), encryption(bob), encryption(mallory)

    async def chat() -> None:
        await started(adas, bobs, mallorys)
        with pytest.raises(KeySwapped):
            await adas.create([bob.user_id])

    asyncio.run(chat())


@pytest.mark.attack
def test_a_package_of_somebody_else_is_not_added(ada: Person, bob: Person) -> None:
    mallory = someone("mallory")
    mallorys = encryption(mallory)
    packages = [b64(mallorys._engine.key_package()) for _ in range(2)]

    def swap(method: str, path: str, answer: Any) -> Any:
        if path == "/keys/claims":
            for each in answer["packages"]:
                each["package"] = packages.pop()
        return answer

    adas, bobs = encryption(ada, cheat=swap), encryption(bob)

    async def chat() -> None:
        await started(adas, bobs, mallorys)
        with pytest.raises(KeySwapped):
            await adas.create([bob.user_id])

    asyncio.run(chat())


@pytest.mark.attack
def test_a_ghost_device_in_the_list_is_not_added(ada: Person, bob: Person) -> None:
    """The server names a device that bob never registered: his key log does not have it."""
    ghost = MlsRsEngine(MemoryVault(), user_id=bob.user_id, device_id="ghost")

    def haunt(method: str, path: str, answer: Any) -> Any:
        if path == "/keys/devices" and method == "GET":
            spare = dict(answer["items"][0], user_id=bob.user_id, device_id="ghost")
            answer["items"].append({**spare, "signature_key": b64(ghost.signature_key)})
        return answer

    adas, bobs = encryption(ada, cheat=haunt), encryption(bob)

    async def chat() -> None:
        await started(adas, bobs)
        with pytest.raises(GhostDevice):
            await adas.create([bob.user_id])

    asyncio.run(chat())


@pytest.mark.attack
def test_a_stranger_whom_a_member_brings_into_the_group_is_noticed(ada: Person, bob: Person) -> None:
    """Ada's own device is in league with the server: it adds somebody who is no member of the conversation."""
    mallory = someone("mallory")
    adas, bobs, mallorys = encryption(ada), encryption(bob), encryption(mallory)

    async def chat() -> None:
        await started(adas, bobs, mallorys)
        tea = await adas.create([bob.user_id])
        await bobs.join_waiting()
        package = mallorys._engine.key_package()
        commit = adas._groups.get(tea).add([package])
        epoch, _ = adas._shelf.place(tea)
        body = {"client_id": "ghost", "epoch": epoch, "commit": b64(commit.message)}
        await adas._client.request("POST", f"/conversations/{tea}/mls/commits", json=body)
        with pytest.raises(GhostDevice, match="no member"):
            await bobs.catch_up(tea)

    asyncio.run(chat())


@pytest.mark.attack
def test_a_forged_welcome_leads_nowhere(ada: Person, bob: Person) -> None:
    """A Welcome into a group of the server's own making: its devices are in nobody's key log."""
    bobs = encryption(bob)
    evil = MlsRsEngine(MemoryVault(), user_id=ada.user_id, device_id="phone")
    forged: list[str] = []

    def welcome(method: str, path: str, answer: Any) -> Any:
        if path == "/keys/welcomes" and forged:
            item = {"id": "wel_forged", "conversation_id": "cnv_forged", "epoch": 1, "welcome": forged[0]}
            answer["items"] = [item]
        return answer

    async def chat() -> None:
        await started(encryption(ada), bobs)
        group = evil.create("cnv_forged")
        forged.append(b64(group.add([bobs._engine.key_package()]).welcome or b""))
        bobs._client.cheat = welcome  # type: ignore[attr-defined]
        with pytest.raises(GhostDevice):
            await bobs.join_waiting()

    asyncio.run(chat())


def _other_root(body: Any) -> Any:
    body["inclusion"] = ["00" * 32, *body["inclusion"][1:]] if body["inclusion"] else ["00" * 32]
    return body


def _other_entry(body: Any) -> Any:
    body["entry"]["key_hash"] = "00" * 32
    return body


def _other_head(body: Any) -> Any:
    header, payload, signature = body["head"].split(".")
    body["head"] = f"{header}.{payload}.{signature[:-4]}AAAA"
    return body


@pytest.mark.attack
@pytest.mark.parametrize("change", [_other_root, _other_entry, _other_head])
def test_a_key_log_that_cannot_be_proved_is_not_believed(ada: Person, bob: Person, change: Any) -> None:
    def lie(method: str, path: str, answer: Any) -> Any:
        return change(answer) if path == "/keys/log/proof" else answer

    async def chat() -> None:
        await started(encryption(bob))
        with pytest.raises(ServerMisbehaved):
            await encryption(ada, cheat=lie).key_log.refresh(bob.user_id)

    asyncio.run(chat())


def test_a_key_log_to_which_an_entry_comes_while_it_is_read_is_read_on(ada: Person, bob: Person) -> None:
    phone, waiting = encryption(bob), [encryption(bob, "laptop")]

    async def chat() -> None:
        await started(phone)
        log = encryption(ada).key_log
        ask = log._client.request

        async def request(method: str, path: str, **given: Any) -> Any:
            if path == "/keys/log/proof" and waiting:
                await started(waiting.pop())
            return await ask(method, path, **given)

        log._client.request = request  # type: ignore[method-assign]
        assert {*await log.refresh(bob.user_id)} == {"phone", "laptop"}

    asyncio.run(chat())


@pytest.mark.attack
def test_a_key_log_that_keeps_back_its_latest_entry_is_noticed(ada: Person, bob: Person) -> None:
    def keep_back(method: str, path: str, answer: Any) -> Any:
        if path == "/keys/log":
            answer["items"] = [each for each in answer["items"] if each["device_id"] != "laptop"]
        return answer

    async def chat() -> None:
        await started(encryption(bob), encryption(bob, "laptop"))
        with pytest.raises(LogTampered, match="keeps back"):
            await encryption(ada, cheat=keep_back).key_log.refresh(bob.user_id)

    asyncio.run(chat())


@pytest.mark.attack
def test_a_key_log_that_was_rewritten_is_noticed(ada: Person, bob: Person) -> None:
    """The client remembers the head that it saw: a log that does not go on from it has another past."""
    adas = encryption(ada)

    async def chat() -> None:
        await started(adas, encryption(bob))
        await adas.key_log.refresh(bob.user_id)
        adas._shelf._vault.put("key-log/head", b'{"size": 2, "root": "' + b"ab" * 32 + b'"}')
        with pytest.raises(LogTampered, match="two pasts"):
            await adas.key_log.refresh(bob.user_id)

    asyncio.run(chat())
