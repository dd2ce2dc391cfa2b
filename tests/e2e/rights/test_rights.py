"""Losing a right during an activity, on the deployed stack: it ends at once, and everybody is notified (R52)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.people import PASSWORD, Person, Town
from tests.e2e.tools import eventually

AT_ONCE_S = 5.0  # on a machine that runs the whole cloud; otherwise a lease would end the activity after 45 s


@pytest.fixture
def three(town: Town) -> tuple[Person, Person, Person, str]:
    ada, bob, cleo = town.people("ada", "bob", "cleo")
    return ada, bob, cleo, ada.group_with(bob, cleo)


def _join(who: Person, call: dict[str, Any]) -> dict[str, Any]:
    joined: dict[str, Any] = who.ok("POST", f"/calls/{call['id']}/join")
    return joined


def _part_of(who: Person, call: dict[str, Any], seen_by: Person) -> str:
    now = seen_by.ok("GET", f"/calls/{call['id']}")
    return str(next(each["state"] for each in now["participants"] if each["user_id"] == who.id))


def _later(who: Person, conversation_id: str, text: str) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 3600))
    body = {"client_id": secrets.token_hex(8), "text": text, "send_at": at}
    kept: dict[str, Any] = who.ok("POST", f"/conversations/{conversation_id}/scheduled", body)
    return kept


def _scheduled(who: Person, conversation_id: str) -> list[tuple[str, str | None]]:
    items = who.ok("GET", f"/conversations/{conversation_id}/scheduled")["items"]
    return [(each["state"], each["reason"]) for each in items]


def test_who_is_removed_loses_the_call_and_what_was_scheduled_at_once(
    three: tuple[Person, Person, Person, str],
) -> None:
    ada, bob, cleo, tea = three
    call = ada.call_in(tea)
    _join(bob, call)
    _later(bob, tea, "later")
    with bob.live() as removed, cleo.live() as stays:
        ada.ok("DELETE", f"/conversations/{tea}/members/{bob.id}")
        ended = removed.expect("call.ended", id=call["id"], within_s=AT_ONCE_S)
        assert (ended["data"]["state"], ended["data"]["end_reason"]) == ("ended", "completed")
        stays.expect("call.updated", id=call["id"], within_s=AT_ONCE_S)
        removed.expect("scheduled.failed", reason="not_found", within_s=AT_ONCE_S)
    assert (_part_of(bob, call, ada), _scheduled(bob, tea)) == ("left", [("failed", "not_found")])
    ada.ok("POST", f"/conversations/{tea}/members", {"user_ids": [bob.id]})
    assert _scheduled(bob, tea) == [("failed", "not_found")]


def test_a_call_ends_with_its_group(three: tuple[Person, Person, Person, str]) -> None:
    ada, bob, cleo, tea = three
    call = ada.call_in(tea)
    _join(bob, call)
    with bob.live() as live:
        ada.ok("DELETE", f"/conversations/{tea}")
        live.expect("call.ended", id=call["id"], within_s=AT_ONCE_S)
    other = cleo.call_in(cleo.group_with(ada, bob))
    assert [each["busy"] for each in other["participants"]] == [False, False, False]


def test_a_block_ends_the_call_of_two(town: Town) -> None:
    ada, bob = town.people("ada", "bob")
    call = ada.call_in(ada.direct_with(bob))
    _join(bob, call)
    with ada.live() as hers, bob.live() as his:
        ada.ok("PUT", f"/users/me/blocks/{bob.id}")
        for live in (hers, his):
            ended = live.expect("call.ended", id=call["id"], within_s=AT_ONCE_S)
            assert ended["data"]["end_reason"] == "completed"


def _reset(who: Person, town: Town) -> None:
    town.http.post("/auth/password/forgot", json={"email": who.email})
    token = town.code_in_letter(who.email, "Reset your password")
    answer = town.http.post("/auth/password/reset", json={"token": token, "new_password": "another long phrase 7"})
    assert answer.status_code == 204


def _change(who: Person, _town: Town) -> None:
    body = {"current_password": PASSWORD, "new_password": "another long phrase 7"}
    who.another_session().ok("POST", "/auth/password/change", body)


def _remove_session(who: Person, _town: Town) -> None:
    who.another_session().ok("DELETE", f"/auth/sessions/{who.session_id}")


ENDS: dict[str, Callable[[Person, Town], Any]] = {
    "signed out": lambda who, _: who.ok("POST", "/auth/logout"),
    "signed out everywhere": lambda who, _: who.ok("POST", "/auth/logout-all"),
    "session removed": _remove_session,
    "password changed": _change,
    "password reset": _reset,
    "erased": lambda who, _: who.ok("DELETE", "/users/me", {"password": PASSWORD}),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_participant_leaves_with_the_session(how: str, three: tuple[Person, Person, Person, str], town: Town) -> None:
    ada, bob, cleo, tea = three
    call = ada.call_in(tea)
    _join(bob, call)
    with ada.live() as live:
        ENDS[how](bob, town)
        live.expect("call.updated", id=call["id"], within_s=AT_ONCE_S)
    assert eventually(lambda: _part_of(bob, call, cleo) == "left", within_s=AT_ONCE_S)


def test_in_a_group_nothing_of_one_calls_for_the_other_s_attention_after_a_block(
    three: tuple[Person, Person, Person, str],
) -> None:
    ada, bob, cleo, tea = three
    ada.ok("PUT", f"/users/me/blocks/{bob.id}")
    with ada.live() as hers, cleo.live() as others:
        said = [bob.send(tea, f"@{ada.username} @{cleo.username} hello")]

        def parted() -> bool:
            if ada.ok("GET", f"/conversations/{tea}")["unread_mentions"] == 0:
                return True
            said.append(bob.send(tea, "again"))
            return False

        assert eventually(parted, within_s=AT_ONCE_S)
        assert cleo.ok("GET", f"/conversations/{tea}")["unread_mentions"] == 1
        bob.ok("POST", f"/conversations/{tea}/typing", {"typing": True})
        bob.call_in(tea)
        others.expect("typing", user_id=bob.id)
        others.expect("call.ringing")
        hers.settle()
        assert [each["type"] for each in hers.events if each["type"] in ("typing", "call.ringing")] == []
        assert hers.expect("message.created", id=said[0]["id"])["data"]["text"].endswith("hello")


def test_the_end_of_typing_comes_with_the_message(town: Town) -> None:
    ada, bob = town.people("ada", "bob")
    chat = ada.direct_with(bob)
    with ada.live() as hers, bob.live() as his:
        his.ok("typing", conversation_id=chat, typing=True)
        hers.expect("typing", typing=True)
        his.ok("sendMessage", conversation_id=chat, client_id="c-1", text="hello")
        hers.expect("typing", typing=False, within_s=1.0)
        (post,) = [each for each in hers.raw if each["type"] == "batch" and "hello" in str(each)]
        assert [each["type"] for each in post["events"]] == ["message.created", "typing"]
