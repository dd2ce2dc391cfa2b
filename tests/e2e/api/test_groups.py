"""Groups: links, requests, bans, slow mode, preferences, moderation; all over the public API."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

import httpx
import pytest

from secureconnect_client import Client
from secureconnect_client.events import JoinRequestEvent, ReportEvent
from tests.e2e.people import PASSWORD, Person, Town
from tests.e2e.tools import at_once, everything, log_of, problem


def give_role(giver: Person, group: str, to: Person, role: str) -> None:
    giver.ok("PATCH", f"/conversations/{group}/members/{to.id}", {"role": role})


def invite(who: Person, group: str, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = who.ok("POST", f"/conversations/{group}/invitations", fields)
    return made


def accept(who: Person, made: dict[str, Any]) -> httpx.Response:
    return who.post(f"/invitations/{made['token']}/accept")


def _text() -> dict[str, str]:
    return {"client_id": secrets.token_hex(8), "text": "hello"}


# --- links ----------------------------------------------------------------------------------------------------


def test_a_link_brings_a_stranger_in_once(town: Town) -> None:
    ada, bob = town.people("ada", "bob")
    group = ada.group_with(name="Tea")
    made = invite(ada, group, max_uses=1)
    shown = bob.ok("GET", f"/invitations/{made['token']}")
    assert shown == {"name": "Tea", "member_count": 1, "avatar_url": None, "needs_approval": False}
    first, again = accept(bob, made), accept(bob, made)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["state"], first.json()["conversation"]["id"]) == ("joined", group)
    assert [event["type"] for event in log_of(bob, group)] == ["member.added"]
    (listed,) = everything(ada, f"/conversations/{group}/invitations")
    assert (listed["state"], listed["uses"], "token" in listed) == ("used_up", 1, False)


def test_who_joins_a_group_that_shows_its_past_sees_its_last_message(town: Town) -> None:
    ada, bob = town.people("ada", "bob")
    group = ada.group_with(settings={"history_visible": True})
    ada.ok("PUT", f"/conversations/{group}/messages/{ada.send(group, 'before')['id']}/reactions/👍")
    last = accept(bob, invite(ada, group)).json()["conversation"]["last_message"]
    assert (last["text"], [each["count"] for each in last["reactions"]]) == ("before", [1])


def test_an_invitation_that_is_over_is_gone_and_an_unknown_one_not_found(town: Town) -> None:
    ada, bob, cyd = town.people("ada", "bob", "cyd")
    group = ada.group_with()
    used_up, revoked = invite(ada, group, max_uses=1), invite(ada, group)
    accept(bob, used_up)
    ada.ok("DELETE", f"/conversations/{group}/invitations/{revoked['id']}")
    for made in (used_up, revoked):
        problem(cyd.get(f"/invitations/{made['token']}"), 410, "gone")
        problem(accept(cyd, made), 410, "gone")
    problem(cyd.get(f"/invitations/{secrets.token_urlsafe(32)}"), 404, "not_found")
    problem(cyd.post(f"/invitations/{secrets.token_urlsafe(32)}/accept"), 404, "not_found")


@pytest.mark.parametrize(
    ("field", "value"),
    [("expires_in", 59), ("expires_in", 31_536_001), ("max_uses", 0), ("max_uses", 1_001), ("needs_approval", "yes"),
     ("colour", "blue")],
)  # fmt: skip
def test_a_wrong_field_of_an_invitation_is_named(town: Town, field: str, value: Any) -> None:
    ada = town.person("ada")
    answer = ada.post(f"/conversations/{ada.group_with()}/invitations", {field: value})
    problem(answer, 400, "validation_failed", field=field)


def test_of_twenty_who_accept_the_last_use_at_once_one_comes_in(town: Town, crowd: list[Person]) -> None:
    ada = town.person("ada")
    group = ada.group_with()
    made = invite(ada, group, max_uses=1)
    answers = at_once([partial(accept, person, made) for person in crowd[:20]])
    assert sorted(answer.status_code for answer in answers) == [201] + [410] * 19
    assert ada.ok("GET", f"/conversations/{group}")["member_count"] == 2
    assert [event["seq"] for event in log_of(ada, group)] == [1, 2]


def test_who_was_removed_stays_out_until_unbanned_or_added(town: Town) -> None:
    ada, bob, cyd = town.people("ada", "bob", "cyd")
    group = ada.group_with(bob, cyd)
    made = invite(ada, group)
    for person in (bob, cyd):
        ada.ok("DELETE", f"/conversations/{group}/members/{person.id}")
        problem(accept(person, made), 403, "banned")
    assert {each["user"]["id"] for each in everything(ada, f"/conversations/{group}/bans")} == {bob.id, cyd.id}
    ada.ok("DELETE", f"/conversations/{group}/bans/{bob.id}")
    assert accept(bob, made).status_code == 201
    assert bob.ok("POST", f"/conversations/{group}/members", {"user_ids": [cyd.id]})["skipped"] == [cyd.id]
    assert ada.ok("POST", f"/conversations/{group}/members", {"user_ids": [cyd.id]})["added"] == [cyd.id]
    assert everything(ada, f"/conversations/{group}/bans") == []


def test_a_block_stops_an_invitation(town: Town) -> None:
    ada, bob, cyd = town.people("ada", "bob", "cyd")
    made = invite(ada, ada.group_with())
    ada.ok("PUT", f"/users/me/blocks/{bob.id}")
    cyd.ok("PUT", f"/users/me/blocks/{ada.id}")
    problem(accept(bob, made), 404, "not_found")
    problem(accept(cyd, made), 403, "blocked")


def test_a_key_repeats_an_invitation_and_its_token(town: Town) -> None:
    ada = town.person("ada")
    place = f"/conversations/{ada.group_with()}/invitations"
    first, again = (ada.post(place, {}, headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert (first.status_code, again.json()["token"]) == (201, first.json()["token"])
    assert len(everything(ada, place)) == 1


# --- requests to join -----------------------------------------------------------------------------------------


def test_who_asks_is_let_in_by_an_admin_who_is_told_at_once(town: Town) -> None:
    ada, bob, cyd = town.people("ada", "bob", "cyd")
    group = ada.group_with(cyd)
    made = invite(ada, group, needs_approval=True)
    place = f"/conversations/{group}/join-requests"
    with ada.live() as admin, cyd.live() as member, bob.live() as newcomer:
        assert [accept(bob, made).status_code for _ in range(2)] == [202, 200]
        asked = admin.expect("join_request.created", conversation_id=group)
        assert (asked["data"]["user"]["id"], asked["data"]["state"]) == (bob.id, "pending")
        assert [each["user"]["id"] for each in everything(ada, place)] == [bob.id]
        problem(cyd.get(place), 403, "forbidden")
        assert ada.ok("POST", f"{place}/{bob.id}/approve")["user"]["id"] == bob.id
        admin.expect("join_request.updated", conversation_id=group)
        newcomer.expect("member.added", conversation_id=group)
        member.expect("member.added", conversation_id=group)
        assert not [event for event in member.events if event["type"].startswith("join_request")]
    assert bob.send(group, "thanks")["seq"] == 3
    assert accept(bob, made).status_code == 200


def test_a_request_is_declined_or_withdrawn(town: Town) -> None:
    ada, bob, cyd = town.people("ada", "bob", "cyd")
    group = ada.group_with()
    made = invite(ada, group, needs_approval=True)
    place = f"/conversations/{group}/join-requests"
    for person in (bob, cyd):
        accept(person, made)
    ada.ok("DELETE", f"{place}/{bob.id}")
    problem(bob.delete(f"{place}/{cyd.id}"), 404, "not_found")
    cyd.ok("DELETE", f"{place}/{cyd.id}")
    problem(cyd.delete(f"{place}/{cyd.id}"), 404, "not_found")
    assert everything(ada, place) == []
    problem(ada.post(f"{place}/{bob.id}/approve"), 404, "not_found")
    problem(bob.get(f"/conversations/{group}"), 404, "not_found")


def test_two_admins_who_approve_at_once_let_somebody_in_once(town: Town) -> None:
    ada, bob, cyd = town.people("ada", "bob", "cyd")
    group = ada.group_with(bob)
    give_role(ada, group, bob, "admin")
    accept(cyd, invite(ada, group, needs_approval=True))
    place = f"/conversations/{group}/join-requests/{cyd.id}/approve"
    answers = at_once([partial(who.post, place) for who in (ada, bob)] * 2)
    assert {answer.status_code for answer in answers} == {200}
    assert [event["type"] for event in log_of(ada, group)].count("member.added") == 1


# --- roles under races ----------------------------------------------------------------------------------------


def test_owners_who_all_leave_at_once_hand_over(town: Town) -> None:
    ada, bob, cyd, dan = town.people("ada", "bob", "cyd", "dan")
    group = ada.group_with(bob, cyd, dan)
    for person in (bob, cyd):
        give_role(ada, group, person, "owner")
    answers = at_once([partial(each.delete, f"/conversations/{group}/members/{each.id}") for each in (ada, bob, cyd)])
    assert {answer.status_code for answer in answers} == {204}
    shown = dan.ok("GET", f"/conversations/{group}")
    assert (shown["role"], shown["member_count"]) == ("owner", 1)
    seqs = [event["seq"] for event in log_of(dan, group)]
    assert seqs == list(range(1, len(seqs) + 1))


def test_two_admins_at_odds_leave_a_group_that_adds_up(town: Town) -> None:
    ada, bob, cyd, *others = town.people("ada", "bob", "cyd", "dan", "eve", "fay")
    group = ada.group_with(bob, cyd, *others)
    for person in (bob, cyd):
        give_role(ada, group, person, "admin")
    acts = [partial(bob.delete, f"/conversations/{group}/members/{each.id}") for each in others]
    acts += [partial(cyd.patch, f"/conversations/{group}/members/{each.id}", {"role": "admin"}) for each in others]
    assert {answer.status_code for answer in at_once(acts)} <= {200, 204, 403, 404}
    found = everything(ada, f"/conversations/{group}/members")
    assert ada.ok("GET", f"/conversations/{group}")["member_count"] == len(found)
    # a member who was made an admin before their removal could no longer be removed by an admin
    assert {each["role"] for each in found if each["user"]["id"] in {other.id for other in others}} <= {"admin"}
    problem(bob.patch(f"/conversations/{group}/members/{cyd.id}", {"role": "member"}), 403, "forbidden")


# --- slow mode, announcements ---------------------------------------------------------------------------------


def test_slow_mode_makes_members_wait_however_they_send(town: Town) -> None:
    ada, bob, cyd = town.people("ada", "bob", "cyd")
    group = ada.group_with(bob, cyd, settings={"slow_mode_seconds": 3600})
    place = f"/conversations/{group}/messages"
    answers = at_once([partial(bob.post, place, _text()) for _ in range(6)])
    assert sorted(answer.status_code for answer in answers) == [201] + [429] * 5
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    with bob.live() as live:
        answer = live.ask("sendMessage", conversation_id=group, **_text())
        assert (answer["type"], answer["problem"]["code"]) == ("error", "rate_limited")
    sent = next(answer for answer in answers if answer.status_code == 201).json()
    again = bob.post(place, {"client_id": sent["client_id"], "text": "hello"})
    assert (again.status_code, again.json()["id"]) == (200, sent["id"])
    polls = [{"client_id": secrets.token_hex(8), "question": "When?", "options": ["now", "later"]} for _ in range(2)]
    cyd.ok("POST", f"/conversations/{group}/polls", polls[0])
    problem(cyd.post(f"/conversations/{group}/polls", polls[1]), 429, "rate_limited")
    for _ in range(2):
        ada.send(group, "owners don't wait")
    ada.ok("PATCH", f"/conversations/{group}", {"settings": {"slow_mode_seconds": 0}})
    bob.send(group, "nor does anybody now")


@pytest.mark.parametrize("seconds", [-1, 3601, "10"])
def test_slow_mode_has_its_limits(town: Town, seconds: Any) -> None:
    ada = town.person("ada")
    answer = ada.patch(f"/conversations/{ada.group_with()}", {"settings": {"slow_mode_seconds": seconds}})
    problem(answer, 400, "validation_failed", field="settings.slow_mode_seconds")


def test_announcements_are_read_and_reacted_to_but_not_answered(town: Town) -> None:
    ada, bob = town.people("ada", "bob")
    group = ada.group_with(bob, settings={"who_can_send": "admins"})
    message = ada.send(group, "news")
    place = f"/conversations/{group}/messages"
    problem(bob.post(place, _text()), 403, "forbidden")
    problem(bob.post(f"/conversations/{group}/typing", {"typing": True}), 403, "forbidden")
    bob.ok("PUT", f"{place}/{message['id']}/reactions/👍")
    assert bob.ok("POST", f"/conversations/{group}/read", {"seq": message["seq"]})["unread_count"] == 0
    assert bob.ok("GET", f"{place}/{message['id']}")["reactions"][0]["mine"] is True


def test_a_newcomer_hears_of_old_messages_only_that_something_changed(town: Town) -> None:
    ada, bob, cyd = town.people("ada", "bob", "cyd")
    group = ada.group_with(bob)
    old = ada.send(group, "from before")
    ada.ok("POST", f"/conversations/{group}/members", {"user_ids": [cyd.id]})
    with cyd.live() as newcomer, bob.live() as member:
        bob.ok("PUT", f"/conversations/{group}/messages/{old['id']}/reactions/👍")
        ada.ok("DELETE", f"/conversations/{group}/messages/{old['id']}")
        for kind in ("reaction.added", "message.deleted"):
            assert newcomer.expect(kind, conversation_id=group)["data"] is None
            assert old["id"] in str(member.expect(kind, conversation_id=group)["data"])
        assert old["id"] not in str(newcomer.raw)


# --- preferences ----------------------------------------------------------------------------------------------


def test_archived_conversations_come_back_with_a_message_unless_muted(town: Town) -> None:
    ada, bob = town.people("ada", "bob")
    loud, quiet = ada.group_with(bob), ada.group_with(bob)
    bob.ok("PUT", f"/conversations/{loud}/me", {"archived": True})
    bob.ok("PUT", f"/conversations/{quiet}/me", {"archived": True, "notifications": "none"})

    def archived() -> set[str]:
        return {each["id"] for each in everything(bob, "/conversations", archived="true")}

    assert archived() == {loud, quiet}
    for group in (loud, quiet):
        ada.send(group, "anybody there?")
    assert archived() == {quiet}
    assert [each["id"] for each in everything(bob, "/conversations", archived="false")] == [loud]
    assert [each["id"] for each in everything(bob, "/conversations")] == [quiet, loud]
    shown = bob.ok("GET", f"/conversations/{quiet}")
    assert (shown["archived"], shown["notifications"]) == (True, "none")


def test_a_mute_that_is_over_is_none(town: Town) -> None:
    ada = town.person("ada")
    group = ada.group_with()
    shown = ada.ok("PUT", f"/conversations/{group}/me", {"muted_until": "2020-01-01T00:00:00Z"})
    assert shown["muted_until"] is None


# --- moderation -----------------------------------------------------------------------------------------------


def test_a_report_is_told_to_admins_and_settled_by_one(town: Town) -> None:
    ada, bob, cyd = town.people("ada", "bob", "cyd")
    group = ada.group_with(bob, cyd)
    message = cyd.send(group, "rude words")
    place = f"/conversations/{group}/messages/{message['id']}/reports"
    queue = f"/conversations/{group}/reports"
    with ada.live() as admin, cyd.live() as writer:
        first, again = (bob.post(place, {"reason": "It is rude."}) for _ in range(2))
        assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
        told = admin.expect("report.created", conversation_id=group)["data"]
        assert (told["message"]["text"], told["reporter"]["id"]) == ("rude words", bob.id)
        cyd.ok("PATCH", f"/conversations/{group}/messages/{message['id']}", {"text": "kind words"})
        (report,) = everything(ada, queue)
        assert report["message"]["text"] == "rude words"
        decision = {"state": "resolved", "delete_message": True}
        decided = ada.ok("PATCH", f"{queue}/{report['id']}", decision)
        assert (decided["state"], decided["message"], decided["decided_by"]) == ("resolved", None, ada.id)
        admin.expect("report.updated", conversation_id=group)
        writer.expect("message.deleted", conversation_id=group)
        assert not [event for event in writer.events if event["type"].startswith("report")]
    assert everything(ada, queue) == []
    assert [each["id"] for each in everything(ada, queue, state="decided")] == [report["id"]]
    assert bob.ok("GET", f"/conversations/{group}/messages/{message['id']}")["text"] is None
    problem(ada.patch(f"{queue}/{report['id']}", {"state": "dismissed"}), 409, "conflict")
    problem(bob.post(place, {"reason": "again"}), 410, "gone")


def test_what_is_wrong_with_a_report_is_told(town: Town) -> None:
    ada, bob = town.people("ada", "bob")
    group = ada.group_with(bob)
    place = f"/conversations/{group}/messages/{ada.send(group, 'hello')['id']}/reports"
    for reason in ("", "   ", "x" * 501, None):
        problem(bob.post(place, {"reason": reason}), 400, "validation_failed", field="reason")
    problem(ada.post(place, {"reason": "mine"}), 403, "forbidden")
    report = bob.ok("POST", place, {"reason": "so"})
    queue = f"/conversations/{group}/reports/{report['id']}"
    problem(ada.patch(queue, {"state": "open"}), 400, "validation_failed", field="state")
    problem(
        ada.get(f"/conversations/{group}/reports", params={"state": "odd"}), 400, "validation_failed", field="state"
    )
    problem(ada.get(f"/conversations/{group}/reports", params={"cursor": "odd"}), 400, "invalid_cursor")


def test_who_was_removed_has_no_part_in_moderation_any_more(town: Town) -> None:
    ada, bob, cyd = town.people("ada", "bob", "cyd")
    group = ada.group_with(bob, cyd)
    message = cyd.send(group, "rude words")
    give_role(ada, group, bob, "admin")
    with bob.live() as former:
        ada.ok("DELETE", f"/conversations/{group}/members/{bob.id}")
        former.expect("member.removed", conversation_id=group)
        ada.ok("POST", f"/conversations/{group}/messages/{message['id']}/reports", {"reason": "so"})
        former.settle()
        assert "report.created" not in [event["type"] for event in former.events]
    problem(bob.get(f"/conversations/{group}/reports"), 404, "not_found")


# --- with the client package ----------------------------------------------------------------------------------


async def _signed_in(town: Town, person: Person) -> Client:
    client = Client(town.http_url)
    await client.__aenter__()
    await client.login(person.username, PASSWORD)
    return client


def test_the_client_package_knows_groups(town: Town) -> None:
    import asyncio

    async def play() -> None:
        ada, bob = [await _signed_in(town, person) for person in town.people("ada", "bob")]
        try:
            group = (await ada.conversations.create([])).id
            link = await ada.invitations.create(group, needs_approval=True)
            assert link.token is not None
            async with ada.connect() as live, asyncio.timeout(60):
                assert (await bob.invitations.preview(link.token)).needs_approval
                assert (await bob.invitations.accept(link.token)).state == "requested"
                asked = await anext(event async for event in live if isinstance(event, JoinRequestEvent))
                await ada.invitations.approve(group, asked.request.user.id)
                message = await bob.messages.send(group, "rude words")
                await ada.moderation.report(group, message.id, "So it is.")
                told = await anext(event async for event in live if isinstance(event, ReportEvent))
                assert told.report.message is not None
                assert told.report.message.text == "rude words"
                settled = await ada.moderation.decide(group, told.report.id, "resolved", delete_message=True)
                assert (settled.state, settled.message) == ("resolved", None)
            await ada.conversations.remove_member(group, bob.user_id)
            assert [ban.user.id for ban in (await ada.moderation.bans(group)).items] == [bob.user_id]
            await ada.moderation.unban(group, bob.user_id)
            assert (await ada.invitations.requests(group)).items == ()
            await ada.invitations.revoke(group, link.id)
            assert [each.state for each in (await ada.invitations.list(group)).items] == ["revoked"]
            assert (await ada.moderation.reports(group, state="decided")).items[0].id == told.report.id
        finally:
            for client in (ada, bob):
                await client.__aexit__(None, None, None)

    asyncio.run(play())
