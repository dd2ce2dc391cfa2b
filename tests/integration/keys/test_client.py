"""The client package's encryption over the real routes: chats of several devices."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from accounts import sessions
from kernel.caller import Caller
from secureconnect_client.encryption.changes import Change
from secureconnect_client.encryption.content import Content, Meant, PollContent, packed
from secureconnect_client.encryption.encryption import Encryption
from secureconnect_client.encryption.errors import (
    CannotDecrypt,
    NotInGroup,
)
from secureconnect_client.encryption.mls_rs import MlsRsEngine
from secureconnect_client.encryption.vault import MemoryVault, SqliteVault
from tests.helpers import Person, someone
from tests.integration import rooms
from tests.integration.keys.desk import b64, log, raw, signed_in_again
from tests.integration.keys.server import Server, encryption, started
from tests.mls import Package
from tests.tools import rows


def as_caller(person: Person) -> Caller:
    return Caller(person.user_id, person.session_id)


async def heard(device: Encryption, conversation_id: str) -> list[str | None]:
    """The new messages that a device reads in a conversation, after it has opened its pending Welcomes."""
    await device.join_waiting()
    return [each.text for each in await device.catch_up(conversation_id)]


def test_two_people_with_three_devices_talk_and_the_server_stores_none_of_it(ada: Person, bob: Person) -> None:
    phone, laptop, bobs = encryption(ada, "phone"), encryption(ada, "laptop"), encryption(bob)

    async def chat() -> None:
        await started(phone, laptop, bobs)
        tea = await phone.create([bob.user_id], name="Tea")
        await phone.send(tea, "c4n4ry one")
        assert await heard(bobs, tea) == ["c4n4ry one"]
        assert await heard(laptop, tea) == ["c4n4ry one"]
        await bobs.send(tea, "c4n4ry two")
        await laptop.send(tea, "c4n4ry three")
        assert await heard(phone, tea) == ["c4n4ry two", "c4n4ry three"]
        assert [each.text for each in phone.decrypted(tea)] == ["c4n4ry one", "c4n4ry two", "c4n4ry three"]
        assert {each.device_id for each in phone.decrypted(tea)} == {"phone", "laptop"}

    asyncio.run(chat())
    for table in ("events", "keys", "sends", "conversations", "members", "limits", "idempotency", "follow_ups"):
        assert "c4n4ry" not in str(rows(table)), table


def test_edits_reactions_and_votes_are_encrypted_and_all_devices_count_the_same(ada: Person, bob: Person) -> None:
    phone, laptop, bobs = encryption(ada, "phone"), encryption(ada, "laptop"), encryption(bob)

    async def chat() -> None:
        await started(phone, laptop, bobs)
        tea = await phone.create([bob.user_id])
        for each in (laptop, bobs):
            await each.join_waiting()
        text = await phone.send(tea, "c4n4ry one")
        poll = await phone.send(tea, "c4n4ry?", poll=PollContent(("c4n4ry yes", "c4n4ry no")))
        for each in (laptop, bobs):
            await each.catch_up(tea)
        await bobs.change(tea, Change(text.message_id, react="🎉"))
        await laptop.change(tea, Change(text.message_id, edit="c4n4ry edited"))
        await bobs.change(tea, Change(poll.message_id, vote=(0,)))
        await phone.change(tea, Change(poll.message_id, vote=(1,)))
        await bobs.change(tea, Change(poll.message_id, vote=(1,)))
        await bobs.change(tea, Change(poll.message_id, close=True))  # only Ada may
        for device in (phone, laptop, bobs):
            assert await device.catch_up(tea) == []  # changes are no messages
            one, other = device.decrypted(tea)
            assert (one.text, one.changes.reactions) == ("c4n4ry edited", {"🎉": (bob.user_id,)})
            assert other.changes.votes == {ada.user_id: (1,), bob.user_id: (1,)}
            assert not other.changes.closed

    asyncio.run(chat())
    for table in (
        "events",
        "keys",
        "sends",
        "conversations",
        "members",
        "polls",
        "limits",
        "follow_ups",
    ):
        assert not any(canary in str(rows(table)) for canary in ("c4n4ry", "🎉")), table


def test_a_server_that_exchanges_two_messages_ids_moves_no_change_and_no_reply(ada: Person, bob: Person) -> None:
    exchanged: dict[str, str] = {}

    def exchange(method: str, path: str, answer: Any) -> Any:
        for event in answer["items"] if path.endswith("/events") else ():
            if event["type"] == "message.created":
                event["data"]["id"] = exchanged.get(event["data"]["id"], event["data"]["id"])
        return answer

    adas, bobs = encryption(ada), encryption(bob, cheat=exchange)

    async def chat() -> None:
        await started(adas, bobs)
        tea = await adas.create([bob.user_id])
        await bobs.join_waiting()
        one, two = [await adas.send(tea, text) for text in ("one", "two")]
        exchanged.update({one.message_id: two.message_id, two.message_id: one.message_id})
        await adas.change(tea, Change(one.message_id, edit="never two"))
        await adas.send(tea, "reply", reply_to=one)
        first, second, reply = await bobs.catch_up(tea)
        assert [each.text for each in bobs.decrypted(tea)] == ["one", "two", "reply"]
        assert (first.hash, second.hash) == (one.hash, two.hash)
        assert reply.reply == Meant(second.message_id, first.hash)  # so its quote fits neither
        await adas.catch_up(tea)
        assert [each.text for each in adas.decrypted(tea)] == ["never two", "two", "reply"]

    asyncio.run(chat())


def test_a_message_whose_answer_was_lost_is_found_and_not_sent_again(ada: Person, bob: Person) -> None:
    losses = [ConnectionError("the answer was lost")]

    def lose(method: str, path: str, answer: Any) -> Any:
        if method == "POST" and path.endswith("/messages") and losses:
            raise losses.pop()
        return answer

    phone, bobs = encryption(ada, cheat=lose), encryption(bob)

    async def chat() -> None:
        await started(phone, bobs)
        tea = await phone.create([bob.user_id])
        with pytest.raises(ConnectionError):
            await phone.send(tea, "once", client_id="c1")
        said = await phone.send(tea, "once", client_id="c1")
        assert (said.text, said.device_id) == ("once", "phone")
        assert await heard(bobs, tea) == ["once"]
        assert said.hash == bobs.decrypted(tea)[0].hash is not None

    asyncio.run(chat())


def test_devices_know_from_where_on_a_conversation_is_encrypted_and_read_nothing_in_the_clear(
    ada: Person, bob: Person
) -> None:
    def forge(method: str, path: str, answer: Any) -> Any:
        for event in answer["items"] if path.endswith("/events") else ():
            if event["type"] == "message.created":
                event["data"] |= {"type": "text", "text": "forged", "ciphertext": None}
        return answer

    adas, bobs, vault = encryption(ada), encryption(bob), MemoryVault()
    phone = encryption(bob, "other", vault=vault, cheat=forge)

    async def chat() -> None:
        await started(adas, bobs, phone)
        tea = await adas.create([bob.user_id])
        await adas.send(tea, "one")
        assert await heard(bobs, tea) == ["one"]
        assert await heard(phone, tea) == []
        begun = next(each["seq"] for each in rows("events") if each.get("type") == "mls.commit")
        assert [each.encrypted_from(tea) for each in (adas, bobs, phone)] == [begun] * 3
        assert encryption(bob, "other", vault=vault).encrypted_from(tea) == begun
        assert adas.encrypted_from("cnv_other") is None

    asyncio.run(chat())


def test_an_answer_that_comes_after_the_log_takes_no_change_of_the_message_back(ada: Person, bob: Person) -> None:
    class Slow(Server):
        """Everything else happens before the answer to a message."""

        async def request(self, method: str, path: str, **given: Any) -> Any:
            answer = await super().request(method, path, **given)
            if path.endswith("/messages"):
                await bobs.join_waiting()
                await bobs.catch_up(answer["conversation_id"])
                await bobs.change(answer["conversation_id"], Change(answer["id"], react="🎉"))
                await phone.catch_up(answer["conversation_id"])
            return answer

    vault = MemoryVault()
    engine = MlsRsEngine(vault, user_id=ada.user_id, device_id="phone")
    phone = Encryption(Slow(ada), vault, engine, user_id=ada.user_id, device_id="phone")
    bobs = encryption(bob)

    async def chat() -> None:
        await started(phone, bobs)
        tea = await phone.create([bob.user_id])
        sent = await phone.send(tea, "one")
        assert sent.changes.reactions == {"🎉": (bob.user_id,)}
        assert phone.decrypted(tea) == [sent]

    asyncio.run(chat())


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


def test_a_text_that_has_expired_leaves_the_device_and_its_backups(ada: Person, bob: Person) -> None:
    def long_ago(method: str, path: str, answer: Any) -> Any:
        for each in answer["items"] if path.endswith("/events") else []:
            if each["type"] == "message.created":
                each["data"]["expires_at"] = "2020-01-01T00:00:00.000Z"
        return answer

    adas, bobs = encryption(ada), encryption(bob, cheat=long_ago)

    async def chat() -> None:
        await started(adas, bobs)
        tea = await adas.create([bob.user_id])
        await adas.send(tea, "c4n4ry")
        await heard(bobs, tea)
        assert [each.text for each in bobs.decrypted(tea)] == [None]
        assert await bobs.back_up("correct horse") == 0
        vault = bobs._shelf._vault
        assert not any(b"c4n4ry" in (vault.get(name) or b"") for name in vault.names("said/"))

    asyncio.run(chat())


def test_a_deleted_text_does_not_come_back_from_a_backup(ada: Person, bob: Person) -> None:
    adas, bobs = encryption(ada), encryption(bob)

    async def chat() -> None:
        await started(adas, bobs)
        tea = await adas.create([bob.user_id])
        said = await adas.send(tea, "c4n4ry")
        await heard(bobs, tea)
        await bobs.back_up("correct horse")
        await adas._client.request("DELETE", f"/conversations/{tea}/messages/{said.message_id}")
        await bobs.catch_up(tea)
        assert await bobs.restore("correct horse") == 0
        assert [each.text for each in bobs.decrypted(tea)] == [None]

    asyncio.run(chat())


def test_safety_numbers_are_alike_on_both_sides_and_change_with_a_key(ada: Person, bob: Person) -> None:
    adas, bobs = encryption(ada), encryption(bob)

    async def compare() -> None:
        await started(adas, bobs)
        number = await adas.safety_number(bob.user_id)
        assert number == await bobs.safety_number(ada.user_id)
        assert len(number.replace(" ", "")) == 60
        await started(encryption(bob))
        assert await adas.safety_number(bob.user_id) != number

    asyncio.run(compare())


def test_a_message_of_a_hundred_characters_is_small(ada: Person) -> None:
    """The figure of the purpose: at most 450 bytes."""
    vault = MemoryVault()
    group = MlsRsEngine(vault, user_id=ada.user_id, device_id="phone").create("cnv_01kb0000000000000000000000")
    assert len(b64(group.encrypt(packed(Content("x" * 100))))) <= 450
