"""The outbox: stored first, sent in order, until it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from secureconnect_client import Backoff, Client, MemoryStore, NotSignedIn, OutboxItem, SqliteStore, Store
from tests.unit.client.carriers import client, eventually, in_loop
from tests.unit.client.world import Conversation, Reply, World

AWAY = httpx.ConnectError("refused")


def texts(room: Conversation) -> list[str]:
    return [each["text"] for each in room.messages.values()]


def path(room: Conversation) -> str:
    return f"/conversations/{room.id}/messages"


async def signed_in(world: World, **options: object) -> Client:
    c = client(world, **options)
    await c.login("ada", "a password")
    return c


@in_loop
async def test_messages_arrive_once_and_in_order_through_lost_answers() -> None:
    world = World()
    room = world.conversation("ada")

    def after_commit(method: str, asked: str) -> Exception | None:
        lost = (method, asked) == ("POST", path(room)) and len(world.requests) % 3 == 0
        return httpx.ReadTimeout("lost") if lost else None

    world.faults.append(after_commit)
    async with await signed_in(world, tries=1) as c:
        for number in range(30):
            await c.outbox.send(room.id, f"{number}")
        await c.outbox.flush(timeout_s=10)
    assert texts(room) == [f"{number}" for number in range(30)]


@in_loop
async def test_a_message_is_stored_before_the_first_try() -> None:
    world, store = World(), MemoryStore()
    room = world.conversation("ada")
    async with await signed_in(world, store=store) as c:
        item = await c.outbox.send(room.id, "hello")
        assert store.get_item(item.client_id) == item
        assert world.count("POST", path(room)) == 0
        sent = await c.outbox.wait(item.client_id, timeout_s=5)
    assert (sent.state, sent.tries, sent.seq) == ("sent", 1, 2)


@in_loop
async def test_the_next_process_sends_what_the_last_one_could_not(tmp_path: Path) -> None:
    world = World()
    room = world.conversation("ada")
    world.fail("POST", path(room), *[AWAY] * 100)
    async with await signed_in(world, store=tmp_path / "chat.db", outbox_backoff=Backoff(base_s=60)) as c:
        for number in range(3):
            await c.outbox.send(room.id, f"{number}")
        await asyncio.sleep(0.05)
    assert texts(room) == []
    world.faults.clear()
    async with client(world, store=tmp_path / "chat.db") as c:
        await c.outbox.flush(timeout_s=5)
        assert [each.state for each in c.outbox.items()] == ["sent"] * 3
    assert texts(room) == ["0", "1", "2"]


@in_loop
async def test_a_refusal_that_will_not_pass_fails_one_message_and_lets_the_next_go() -> None:
    world = World()
    room = world.conversation("ada")
    async with await signed_in(world) as c:
        bad = await c.outbox.send(room.id, "")
        good = await c.outbox.send(room.id, "hello")
        failed = await c.outbox.wait(bad.client_id, timeout_s=5)
        sent = await c.outbox.wait(good.client_id, timeout_s=5)
    assert (failed.state, failed.error) == ("failed", "validation_failed")
    assert sent.state == "sent"


@pytest.mark.parametrize(
    ("status", "code", "headers"),
    [
        (408, "x", {}),
        (429, "x", {}),
        (500, "x", {}),
        (503, "x", {}),
        (409, "x", {"Retry-After": "0"}),
        (403, "second_factor_required", {}),
    ],
)
@in_loop
async def test_what_may_pass_is_tried_again(status: int, code: str, headers: dict[str, str]) -> None:
    world = World()
    room = world.conversation("ada")
    world.fail("POST", path(room), *[Reply(status, {"status": status, "code": code}, headers)] * 6)
    seen: list[OutboxItem] = []
    async with await signed_in(world) as c:
        stop = c.outbox.subscribe(seen.append)
        item = await c.outbox.send(room.id, "hello")
        await c.outbox.wait(item.client_id, timeout_s=5)
        stop()
    assert [each.state for each in seen[-2:]] == ["pending", "sent"]
    assert seen[-2].error == code


@in_loop
async def test_a_failed_message_can_be_given_another_chance() -> None:
    world = World()
    room = world.conversation("ada")
    world.fail("POST", path(room), Reply(403, {"status": 403, "code": "blocked"}))
    async with await signed_in(world) as c:
        item = await c.outbox.send(room.id, "hello")
        assert (await c.outbox.wait(item.client_id, timeout_s=5)).error == "blocked"
        await c.outbox.retry(item.client_id)
        assert (await c.outbox.wait(item.client_id, timeout_s=5)).state == "sent"


@in_loop
async def test_a_message_that_is_discarded_while_a_try_fails_does_not_come_back() -> None:
    world = World()
    room = world.conversation("ada")
    world.fail("POST", path(room), *[Reply(503, {"status": 503, "code": "x"})] * 10_000)
    async with await signed_in(world) as c:
        unwanted = await c.outbox.send(room.id, "unwanted")
        await eventually(lambda: world.count("POST", path(room)) > 0)
        c.outbox.discard(unwanted.client_id)
        wanted = await c.outbox.send(room.id, "wanted")
        await eventually(lambda: c.outbox.items()[-1].tries > 0)  # its turn has come
        assert [each.client_id for each in c.outbox.items()] == [wanted.client_id]
        world.faults.clear()
        await c.outbox.wait(wanted.client_id, timeout_s=5)
    assert texts(room) == ["wanted"]


@in_loop
async def test_a_conversation_that_is_stuck_holds_up_no_other() -> None:
    world = World()
    stuck, free = world.conversation("ada"), world.conversation("ada")
    world.fail("POST", path(stuck), *[AWAY] * 1000)
    async with await signed_in(world) as c:
        await c.outbox.send(stuck.id, "one")
        item = await c.outbox.send(free.id, "two")
        assert (await c.outbox.wait(item.client_id, timeout_s=5)).state == "sent"
        assert len(c.outbox.pending()) == 1


@in_loop
async def test_messages_wait_while_nobody_is_signed_in_and_are_never_sent_as_another() -> None:
    world, store = World(), MemoryStore()
    room = world.conversation("ada", "bob")
    world.fail("POST", path(room), *[Reply(401, {"status": 401, "code": "token_revoked"})] * 1000)
    async with await signed_in(world, store=store) as c:
        item = await c.outbox.send(room.id, "hello")
        await c.logout()
        with pytest.raises(NotSignedIn):
            await c.outbox.send(room.id, "more")
        world.faults.clear()
        await c.login("bob", "a password")
        await asyncio.sleep(0.05)
        assert texts(room) == []
        await c.login("ada", "a password")
        assert (await c.outbox.wait(item.client_id, timeout_s=5)).state == "sent"
    assert [each["sender_id"] for each in room.messages.values()] == ["ada"]


@in_loop
async def test_the_same_client_id_is_the_same_message() -> None:
    world = World()
    room = world.conversation("ada")
    async with await signed_in(world) as c:
        for _ in range(3):
            await c.outbox.send(room.id, "hello", client_id="mine")
        await c.outbox.flush(timeout_s=5)
    assert texts(room) == ["hello"]


@pytest.mark.parametrize("make", [MemoryStore, SqliteStore])
def test_both_stores_keep_cursors_and_items_alike(make: Callable[[], Store]) -> None:
    store = make()
    store.save_cursors("ada", {"a": 1, "b": 2})
    store.save_cursors("ada", {"a": 5, "b": None, "c": None})
    store.save_cursors("bob", {"a": 9})
    assert (store.load_cursors("ada"), store.load_cursors("bob")) == ({"a": 5}, {"a": 9})

    def item(name: str, account: str = "ada") -> OutboxItem:
        body = {"text": "👍", "client_id": name}
        return OutboxItem(client_id=name, account=account, conversation_id="a", body=body, created_at=1.5)

    for each in (item("1"), item("2"), item("3", "bob")):
        store.put_item(each)
    assert store.items("ada") == [item("1"), item("2")]
    assert store.next_item("ada", "a") == item("1")
    store.put_item(item("1").becomes(state="sent", seq=4))
    assert store.get_item("1") == item("1").becomes(state="sent", seq=4)
    assert store.next_item("ada", "a") == item("2")
    store.drop_item("2")
    assert store.next_item("ada", "a") is None
    store.wipe("ada")
    assert (store.items("ada"), store.load_cursors("ada")) == ([], {})
    assert store.items("bob") == [item("3", "bob")]
    store.close()
