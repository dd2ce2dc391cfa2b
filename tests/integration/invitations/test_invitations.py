"""Joining a group by a link: permissions, number of uses, expiry, and concurrent changes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from accounts import bans
from conversations import joining, members, service
from invitations import service as invitations
from invitations import store
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Conflict, Forbidden, Gone, InvalidCursor, NotFound, Problem, ValidationFailed
from tests.integration.rooms import add, direct, group, people, remove, seen, send, whole_log
from tests.tools import captured_lines, rows
from users import relations

T0 = 1_800_000_000_000


def link(who: Caller, conversation_id: str, **fields: Any) -> dict[str, Any]:
    given = {"expires_in_s": 3_600, "max_uses": None, "needs_approval": False, **fields}
    return invitations.create(caller=who, conversation_id=conversation_id, **given)


def accept(who: Caller, made: dict[str, Any]) -> tuple[str, bool]:
    state, _, new = invitations.accept(caller=who, token=made["token"])
    return state, new


def outcome(act: Callable[[], Any]) -> str:
    try:
        return str(act())
    except Problem as problem:
        return problem.stable_code


def _uses(conversation_id: str, made: dict[str, Any]) -> int:
    found = store.by_id(conversation_id, made["id"])
    assert found is not None
    return found.uses


def _people_in(who: Caller, conversation_id: str) -> int:
    count: int = service.get(caller=who, conversation_id=conversation_id)["member_count"]
    return count


# --- making ---------------------------------------------------------------------------------------------------


def test_a_token_is_long_and_told_once_and_only_its_hash_is_kept() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    with captured_lines() as lines:
        made = link(ada, conversation_id)
    assert len(made["token"]) >= 43
    assert made["url"] == f"https://chat.example/invitations/{made['token']}"
    listed = invitations.list_invitations(caller=ada, conversation_id=conversation_id, limit=50, after=None).items
    assert [each["id"] for each in listed] == [made["id"]]
    for context in (rows("invitations"), listed, lines.text):
        assert made["token"] not in str(context)


def test_who_may_add_people_may_invite_them() -> None:
    ada, bob, eve = people("ada", "bob", "eve")
    conversation_id = group(ada, bob)
    link(bob, conversation_id)
    service.change(caller=ada, conversation_id=conversation_id, fields={"settings": {"who_can_add": "admins"}})
    with pytest.raises(Forbidden):
        link(bob, conversation_id)
    with pytest.raises(NotFound):
        link(eve, conversation_id)
    with pytest.raises(Forbidden):
        link(ada, direct(ada, bob))


def test_uses_are_not_limited_where_an_admin_decides() -> None:
    (ada,) = people("ada")
    with pytest.raises(ValidationFailed) as refusal:
        link(ada, group(ada), max_uses=3, needs_approval=True)
    assert refusal.value.errors[0].field == "max_uses"


def test_admins_see_all_invitations_and_others_their_own() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    of_ada, of_bob = link(ada, conversation_id), link(bob, conversation_id)

    def seen_by(who: Caller) -> list[str]:
        page = invitations.list_invitations(caller=who, conversation_id=conversation_id, limit=50, after=None)
        return sorted(each["id"] for each in page.items)

    assert seen_by(ada) == sorted([of_ada["id"], of_bob["id"]])
    assert (seen_by(bob), seen_by(cyd)) == ([of_bob["id"]], [])


def test_invitations_come_in_pages_newest_first() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    made = []
    with clock.held(T0) as advance:
        for _ in range(5):
            made.append(link(ada, conversation_id)["id"])
            advance(1)
        found: list[str] = []
        after: str | None = None
        for _ in range(3):
            page = invitations.list_invitations(caller=ada, conversation_id=conversation_id, limit=2, after=after)
            found += [each["id"] for each in page.items]
            if page.next_cursor is not None:
                with pytest.raises(InvalidCursor):
                    invitations.list_invitations(
                        caller=bob, conversation_id=conversation_id, limit=2, after=page.next_cursor
                    )
            after = page.next_cursor
    assert (found, after) == (made[::-1], None)


# --- coming in ------------------------------------------------------------------------------------------------


def test_who_accepts_is_in_and_their_joining_is_an_event() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, name="Tea")
    send(ada, conversation_id, "before")
    made = link(ada, conversation_id)
    state, conversation, new = invitations.accept(caller=bob, token=made["token"])
    assert conversation is not None
    assert (state, new, conversation["name"], conversation["role"]) == ("joined", True, "Tea", "member")
    (event,) = seen(bob, conversation_id)
    assert (event["type"], event["actor_id"], event["seq"]) == ("member.added", bob.user_id, 3)
    assert send(bob, conversation_id)["seq"] == 4


def test_a_newcomer_by_a_link_sees_the_history_where_it_is_visible() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, settings={"history_visible": True})
    send(ada, conversation_id, "before")
    accept(bob, link(ada, conversation_id))
    assert [event["seq"] for event in seen(bob, conversation_id)] == [1, 2, 3]


def test_a_preview_tells_little_and_lets_nobody_in() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, name="Tea")
    made = link(ada, conversation_id)
    shown = invitations.preview(caller=bob, token=made["token"])
    assert shown == {"name": "Tea", "member_count": 1, "avatar_url": None, "needs_approval": False}
    with pytest.raises(NotFound):
        service.get(caller=bob, conversation_id=conversation_id)


def test_a_member_who_accepts_stays_one_and_uses_nothing_up() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob)
    made = link(ada, conversation_id, max_uses=1)
    assert [accept(who, made) for who in (ada, bob, bob)] == [("joined", False)] * 3
    assert accept(cyd, made) == ("joined", True)
    assert accept(cyd, made) == ("joined", False)
    assert len(whole_log(conversation_id)) == 2


# --- not coming in --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "x", "A" * 43])
def test_an_unknown_token_leads_nowhere(token: str) -> None:
    (bob,) = people("bob")
    for act in (invitations.preview, invitations.accept):
        with pytest.raises(NotFound):
            act(caller=bob, token=token)


def test_an_invitation_ends_to_the_millisecond_though_its_row_is_still_there() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada)
    with clock.held(T0) as advance:
        made = link(ada, conversation_id, expires_in_s=60)
        advance(59_999)
        assert accept(bob, made) == ("joined", True)
        advance(1)
        for act in (invitations.preview, invitations.accept):
            with pytest.raises(Gone):
                act(caller=cyd, token=made["token"])
        advance(72 * clock.HOUR)  # R26
        with pytest.raises(Gone):
            accept(cyd, made)
    assert _uses(conversation_id, made) == 1


def test_a_revoked_invitation_is_over_and_is_revoked_by_its_maker_and_admins_alone() -> None:
    ada, bob, cyd, dan = people("ada", "bob", "cyd", "dan")
    conversation_id = group(ada, bob, cyd)
    made = link(bob, conversation_id)

    def revoke(who: Caller) -> None:
        invitations.revoke(caller=who, conversation_id=conversation_id, invitation_id=made["id"])

    with pytest.raises(NotFound):
        revoke(cyd)
    revoke(bob)
    revoke(ada)
    assert outcome(lambda: accept(dan, made)) == "gone"
    assert outcome(lambda: invitations.preview(caller=dan, token=made["token"])) == "gone"


@pytest.mark.parametrize("invitation_id", ["inv_01aaaaaaaaaaaaaaaaaaaaaaaa", "request#usr_1", "x"])
def test_an_unknown_invitation_cannot_be_revoked(invitation_id: str) -> None:
    (ada,) = people("ada")
    with pytest.raises(NotFound):
        invitations.revoke(caller=ada, conversation_id=group(ada), invitation_id=invitation_id)


def test_an_invitation_is_worth_what_its_maker_is() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob)
    made = link(bob, conversation_id)
    service.change(caller=ada, conversation_id=conversation_id, fields={"settings": {"who_can_add": "admins"}})
    assert outcome(lambda: accept(cyd, made)) == "gone"
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=bob.user_id, role="admin")
    invitations.preview(caller=cyd, token=made["token"])
    remove(ada, conversation_id, bob)
    assert outcome(lambda: accept(cyd, made)) == "gone"


@pytest.mark.parametrize("needs_approval", [False, True])
def test_the_links_of_a_banned_person_are_over_as_long_as_the_ban(needs_approval: bool) -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob)
    made, others = (link(each, conversation_id, needs_approval=needs_approval) for each in (bob, ada))
    with clock.held(clock.now()) as advance:
        bans.ban(user_id=bob.user_id, by=ada.user_id, reason="spam", until=clock.now() + clock.MINUTE)
        assert outcome(lambda: accept(cyd, made)) == "gone"
        assert outcome(lambda: invitations.preview(caller=cyd, token=made["token"])) == "gone"
        assert accept(ada, made) == ("joined", False)  # nothing changes for members
        assert invitations.preview(caller=cyd, token=others["token"])["member_count"] == 2
        advance(clock.MINUTE)
        assert accept(cyd, made) == ("requested" if needs_approval else "joined", True)


def test_a_group_that_was_ended_invites_nobody() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    made = link(ada, conversation_id)
    service.delete(caller=ada, conversation_id=conversation_id)
    assert outcome(lambda: accept(bob, made)) == "gone"
    assert outcome(lambda: invitations.preview(caller=bob, token=made["token"])) == "gone"


def test_who_was_removed_does_not_come_back_by_a_link_until_let() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    made = link(ada, conversation_id)
    remove(ada, conversation_id, bob)
    assert outcome(lambda: accept(bob, made)) == "banned"
    assert outcome(lambda: invitations.preview(caller=bob, token=made["token"])) == "banned"
    members.unban(caller=ada, conversation_id=conversation_id, user_id=bob.user_id)
    assert accept(bob, made) == ("joined", True)


def test_who_left_may_come_back() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    remove(bob, conversation_id, bob)
    assert accept(bob, link(ada, conversation_id)) == ("joined", True)


def test_a_block_stops_invitations_both_ways() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada)
    made = link(ada, conversation_id)
    relations.block(user_id=ada.user_id, other_id=bob.user_id)
    relations.block(user_id=cyd.user_id, other_id=ada.user_id)
    for act in (invitations.preview, invitations.accept):
        with pytest.raises(NotFound):
            act(caller=bob, token=made["token"])
        with pytest.raises(Forbidden) as refusal:
            act(caller=cyd, token=made["token"])
        assert refusal.value.stable_code == "blocked"


def test_a_full_group_takes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "MAX_MEMBERS", 2)
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob)
    made = link(ada, conversation_id)
    with pytest.raises(Conflict) as refusal:
        accept(cyd, made)
    assert refusal.value.stable_code == "group_full"
    assert _uses(conversation_id, made) == 0


# --- at the same moment ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("uses", [1, 3])
def test_of_twenty_who_accept_at_once_as_many_come_in_as_it_lets(uses: int) -> None:
    ada, *others = people("ada", *(f"p{n:02}" for n in range(20)))
    conversation_id = group(ada)
    made = link(ada, conversation_id, max_uses=uses)
    with ThreadPoolExecutor(20) as threads:
        results = list(threads.map(lambda who: outcome(lambda: accept(who, made)), others))
    assert sorted(results) == ["('joined', True)"] * uses + ["gone"] * (20 - uses)
    assert (_uses(conversation_id, made), _people_in(ada, conversation_id)) == (uses, 1 + uses)
    assert [entry.seq for entry in whole_log(conversation_id)] == list(range(1, 2 + uses))


def test_one_person_who_accepts_on_many_devices_at_once_joins_once() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    made = link(ada, conversation_id, max_uses=5)
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: accept(bob, made), range(8)))
    assert sorted(results) == [("joined", False)] * 7 + [("joined", True)]
    assert (_uses(conversation_id, made), _people_in(ada, conversation_id)) == (1, 2)


def test_the_last_place_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "MAX_MEMBERS", 3)
    ada, bob, *others = people("ada", "bob", *(f"p{n}" for n in range(6)))
    conversation_id = group(ada, bob)
    made = link(ada, conversation_id)
    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(lambda who: outcome(lambda: accept(who, made)), others))
    assert sorted(results) == ["('joined', True)"] + ["group_full"] * 5
    assert _people_in(ada, conversation_id) == 3


def test_removing_and_accepting_at_once_ends_with_who_was_removed_outside() -> None:
    """However often somebody tries, from the removal on they are out (R6)."""
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    made = link(ada, conversation_id)
    with ThreadPoolExecutor(9) as threads:
        accepting = [threads.submit(outcome, lambda: accept(bob, made)) for _ in range(8)]
        threads.submit(remove, ada, conversation_id, bob).result()
    assert {each.result() for each in accepting} <= {"('joined', False)", "banned"}
    assert [entry.type for entry in whole_log(conversation_id)] == ["conversation.created", "member.removed"]
    assert add(ada, conversation_id, bob) == ([bob.user_id], [])


def test_revoking_while_many_accept_lets_nobody_in_afterwards() -> None:
    ada, *others = people("ada", *(f"p{n}" for n in range(8)))
    conversation_id = group(ada)
    made = link(ada, conversation_id)
    with ThreadPoolExecutor(9) as threads:
        accepting = [threads.submit(outcome, lambda who=who: accept(who, made)) for who in others]  # type: ignore[misc]
        invitations.revoke(caller=ada, conversation_id=conversation_id, invitation_id=made["id"])
        inside = _people_in(ada, conversation_id)
    results = [each.result() for each in accepting]
    assert set(results) <= {"('joined', True)", "gone"}
    assert _uses(conversation_id, made) == results.count("('joined', True)") == _people_in(ada, conversation_id) - 1
    assert inside <= _people_in(ada, conversation_id)
