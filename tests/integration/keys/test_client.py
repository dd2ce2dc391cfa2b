"""The client package's encryption over the real routes: chats of several devices."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from secureconnect_client.encryption.changes import Change
from secureconnect_client.encryption.content import Content, Meant, PollContent, packed
from secureconnect_client.encryption.encryption import Encryption
from secureconnect_client.encryption.mls_rs import MlsRsEngine
from secureconnect_client.encryption.vault import MemoryVault
from tests.helpers import Person
from tests.integration.keys.chats import heard
from tests.integration.keys.desk import b64
from tests.integration.keys.server import Server, encryption, started
from tests.tools import rows


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
