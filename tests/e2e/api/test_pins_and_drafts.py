"""Pins, drafts, the history of edits, and the limit of reactions, over HTTP and over sockets (contract §5)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from secureconnect_client import Client
from tests.e2e.live import Live
from tests.e2e.people import PASSWORD, Person, Town
from tests.e2e.tools import UNKNOWN_MESSAGE, at_once, log_of, messages_at, problem


@pytest.fixture
def his(bob: Person) -> Iterator[Live]:
    """A socket of Bob."""
    with bob.live() as live:
        yield live


def pin(message: dict[str, Any]) -> str:
    return f"/conversations/{message['conversation_id']}/pins/{message['id']}"


def pinned(who: Person, conversation_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = who.ok("GET", f"/conversations/{conversation_id}/pins")["items"]
    return found


def past(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


# --- pins -----------------------------------------------------------------------------------------------------


def test_pins_are_seen_by_all_the_last_first_and_told_live(ada: Person, bob: Person, tea: str, his: Live) -> None:
    first, second = ada.send(tea, "one"), bob.send(tea, "two")
    for message in (first, second, second):
        assert ada.put(pin(message)).status_code == 204
    found = pinned(bob, tea)
    assert [each["id"] for each in found] == [second["id"], first["id"]]
    assert {(each["pinned_by"], each["pinned"]) for each in found} == {(ada.id, True)}
    told = his.expect("message.updated", id=second["id"])
    assert (told["data"]["pinned"], told["actor_id"]) == (True, ada.id)
    for _ in range(2):
        assert ada.delete(pin(first)).status_code == 204
    assert [each["id"] for each in pinned(bob, tea)] == [second["id"]]
    assert his.expect("message.updated", id=first["id"], pinned=False)["seq"] == 6
    assert [event["type"] for event in log_of(bob, tea)][3:] == ["message.updated"] * 3


def test_everybody_pins_unless_a_group_leaves_it_to_its_admins(ada: Person, bob: Person, tea: str) -> None:
    message = bob.send(tea, "mine")
    assert bob.put(pin(message)).status_code == 204
    ada.ok("PATCH", f"/conversations/{tea}", {"settings": {"who_can_pin": "admins"}})
    problem(bob.put(pin(message)), 403, "forbidden")
    problem(bob.delete(pin(message)), 403, "forbidden")
    assert ada.put(pin(message)).status_code == 204
    assert bob.put(pin(ada.send(ada.direct_with(bob), "ours"))).status_code == 204


def test_what_is_not_there_is_not_pinned(ada: Person, cleo: Person, tea: str) -> None:
    message = ada.send(tea, "mine")
    problem(ada.put(f"/conversations/{tea}/pins/{UNKNOWN_MESSAGE}"), 404, "not_found")
    problem(cleo.put(pin(message)), 404, "not_found")
    ada.ok("PUT", pin(message))
    ada.ok("DELETE", messages_at(tea, f"/{message['id']}"))
    assert pinned(ada, tea) == []
    problem(ada.put(pin(message)), 410, "gone")


def test_a_conversation_has_fifty_pins_at_most(ada: Person) -> None:
    alone = ada.group_with()
    messages = at_once([partial(ada.send, alone, f"{n}") for n in range(52)])
    for message in messages[:48]:
        ada.ok("PUT", pin(message))
    answers = at_once([partial(ada.put, pin(message)) for message in messages[48:]])
    assert sorted(answer.status_code for answer in answers) == [204, 204, 409, 409]
    problem(next(answer for answer in answers if answer.status_code == 409), 409, "too_many_pins")
    assert len(pinned(ada, alone)) == 50


def test_a_newcomer_sees_no_pin_from_before(ada: Person, cleo: Person, tea: str) -> None:
    old = ada.send(tea, "old")
    ada.ok("POST", f"/conversations/{tea}/members", {"user_ids": [cleo.id]})
    new = ada.send(tea, "new")
    with cleo.live() as hers:
        for message in (old, new):
            ada.ok("PUT", pin(message))
        assert hers.expect("message.updated", seq=new["seq"] + 1)["data"] is None
        assert hers.expect("message.updated", id=new["id"])
    assert [each["id"] for each in pinned(cleo, tea)] == [new["id"]]


# --- drafts ---------------------------------------------------------------------------------------------------


def test_a_draft_is_on_all_of_one_s_devices_and_nobody_else_s(ada: Person, bob: Person, tea: str, his: Live) -> None:
    place = f"/conversations/{tea}/draft"
    other = ada.another_session()
    with other.live() as desk:
        kept = ada.ok("PUT", place, {"text": "unsaid", "reply_to": UNKNOWN_MESSAGE})
        assert (kept["text"], kept["reply_to"], kept["thread_root"]) == ("unsaid", UNKNOWN_MESSAGE, None)
        told = desk.expect("draft.updated", conversation_id=tea)
        assert (told["data"], "seq" in told) == (kept, False)
        assert other.ok("GET", place) == kept
        assert other.ok("GET", "/drafts")["items"][0] == kept
        assert ada.delete(place).status_code == 204
        assert desk.expect("draft.updated", conversation_id=tea, text=None)
    problem(ada.get(place), 404, "not_found")
    problem(bob.get(place), 404, "not_found")
    his.settle()
    assert "unsaid" not in str(his.raw)
    assert [event["type"] for event in log_of(bob, tea)] == ["conversation.created"]


def test_the_draft_written_last_stays(ada: Person, tea: str) -> None:
    place = f"/conversations/{tea}/draft"
    later = ada.ok("PUT", place, {"text": "later", "written_at": past(10)})
    assert ada.ok("PUT", place, {"text": "earlier", "written_at": past(20)}) == later
    ada.ok("DELETE", place)
    assert ada.ok("PUT", place, {"text": "late to come", "written_at": past(5)})["text"] is None
    problem(ada.get(place), 404, "not_found")
    assert ada.ok("PUT", place, {"text": "new"})["text"] == "new"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", ""), ("text", "x" * 10_001), ("text", None), ("text", "a\0b"), ("written_at", "yesterday"),
        ("written_at", 7), ("written_at", "2026-01-01T00:00:00"), ("reply_to", ""), ("seq", 1),
    ],
)  # fmt: skip
def test_a_wrong_draft_is_refused(ada: Person, tea: str, field: str, value: Any) -> None:
    problem(ada.put(f"/conversations/{tea}/draft", {"text": "x", field: value}), 400, "validation_failed", field=field)


def test_drafts_of_an_encrypted_conversation_stay_on_the_device(ada: Person, bob: Person) -> None:
    secret = ada.group_with(bob, settings={"encrypted": True})
    problem(ada.put(f"/conversations/{secret}/draft", {"text": "unsaid"}), 403, "encrypted_conversation")


# --- edits and reactions --------------------------------------------------------------------------------------


def test_sender_and_admins_see_what_a_message_said_before(ada: Person, bob: Person, cleo: Person) -> None:
    tea = ada.group_with(bob, cleo)
    sent = bob.send(tea, "one")
    place = messages_at(tea, f"/{sent['id']}")
    for text in ("two", "three"):
        edited = bob.ok("PATCH", place, {"text": text})
    found = ada.ok("GET", f"{place}/edits")
    assert [each["text"] for each in found["items"]] == ["one", "two"]
    assert found["items"][0]["written_at"] == sent["created_at"]
    assert found["items"][1]["written_at"] < edited["edited_at"]
    assert bob.ok("GET", f"{place}/edits") == found
    problem(cleo.get(f"{place}/edits"), 403, "forbidden")
    problem(ada.get(messages_at(tea, f"/{UNKNOWN_MESSAGE}/edits")), 404, "not_found")
    bob.ok("DELETE", place)
    assert ada.ok("GET", f"{place}/edits")["items"] == []


def test_an_edit_is_told_at_once_to_everybody(ada: Person, tea: str, his: Live) -> None:
    sent = ada.send(tea, "one")
    with ada.live() as hers:
        edited = hers.ok("editMessage", conversation_id=tea, message_id=sent["id"], text="two")
        for live in (hers, his):
            assert live.expect("message.updated", id=sent["id"])["data"] == edited


def test_a_message_takes_twenty_kinds_of_reactions(ada: Person, bob: Person, tea: str) -> None:
    sent = ada.send(tea, "react!")
    place = messages_at(tea, f"/{sent['id']}/reactions")
    for n in range(18):
        ada.ok("PUT", f"{place}/{chr(0x1F600 + n)}")
    answers = at_once([partial(bob.put, f"{place}/{chr(0x1F680 + n)}") for n in range(4)])
    assert sorted(answer.status_code for answer in answers) == [204, 204, 409, 409]
    problem(next(answer for answer in answers if answer.status_code == 409), 409, "too_many_reactions")
    with bob.live() as live:
        refused = live.ask("react", conversation_id=tea, message_id=sent["id"], emoji="🦀")
        assert refused["problem"]["code"] == "too_many_reactions"
        live.ok("react", conversation_id=tea, message_id=sent["id"], emoji="😀")
        live.ok("react", conversation_id=tea, message_id=sent["id"], emoji="😀")
    shown = ada.ok("GET", messages_at(tea, f"/{sent['id']}"))["reactions"]
    assert (len(shown), next(each["count"] for each in shown if each["emoji"] == "😀")) == (20, 2)


@pytest.mark.parametrize("emoji", ["🏽", "🇳", "👍👎", "\u200d", "❤️❤️"])
def test_parts_of_emoji_and_several_are_no_reaction(ada: Person, tea: str, emoji: str) -> None:
    sent = ada.send(tea, "react!")
    problem(ada.put(messages_at(tea, f"/{sent['id']}/reactions/{emoji}")), 400, "validation_failed", field="emoji")


# --- the client package ---------------------------------------------------------------------------------------


def test_the_client_package_does_all_of_it(town: Town, ada: Person, bob: Person, tea: str) -> None:
    async def play() -> None:
        async with Client(town.http_url) as client:
            await client.login(ada.username, PASSWORD)
            root = await client.messages.send(tea, f"hi @{bob.username}")
            assert root.mentions == (bob.id,)
            reply = await client.messages.send(tea, "one", thread_root=root.id)
            assert [each.id for each in (await client.messages.thread(tea, root.id)).items] == [reply.id]
            await client.messages.edit(tea, root.id, "hello")
            assert [each.text for each in (await client.messages.edits(tea, root.id)).items] == [root.text]
            await client.messages.pin(tea, root.id)
            (pinned_message,) = (await client.messages.pins(tea)).items
            assert (pinned_message.id, pinned_message.pinned_by, pinned_message.thread_count) == (root.id, ada.id, 1)
            await client.messages.unpin(tea, root.id)
            forwarded = await client.messages.forward(reply, ada.group_with())
            assert forwarded.forwarded_from is not None
            assert forwarded.forwarded_from.sender_id == ada.id
            assert await client.messages.draft(tea) is None
            kept = await client.messages.save_draft(tea, "unsaid", written_at=datetime.now(UTC))
            assert (await client.messages.drafts()).items[0] == kept
            assert await client.messages.draft(tea) == kept
            await client.messages.clear_draft(tea)

    asyncio.run(play())
