"""Who is in a group: adding, removing, leaving, roles."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from conversations import joining, members, service, store
from conversations.model import MEMBER_IDS_MAX, Role
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Conflict, Forbidden, NotFound, Problem, ValidationFailed
from tests.integration.rooms import add, direct, group, people, place_of, remove, seen, send, whole_log
from tests.tools import captured_lines, rows
from users import relations


def _role(who: Caller, conversation_id: str, other: Caller, role: Role) -> dict[str, Any]:
    return members.change_role(caller=who, conversation_id=conversation_id, user_id=other.user_id, role=role)


def _roles(conversation_id: str) -> dict[str, str]:
    return {member.user_id: member.role for member in store.members(conversation_id)}


def _count(who: Caller, conversation_id: str) -> int:
    count: int = service.get(caller=who, conversation_id=conversation_id)["member_count"]
    return count


# --- adding ---------------------------------------------------------------------------------------------------


def test_who_is_added_is_in_and_every_joining_is_an_event() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada)
    assert add(ada, conversation_id, bob, cyd) == ([bob.user_id, cyd.user_id], [])
    assert _roles(conversation_id) == {ada.user_id: "owner", bob.user_id: "member", cyd.user_id: "member"}
    joined = [event for event in whole_log(conversation_id) if event.type == "member.added"]
    assert [(event.seq, event.data["user_id"]) for event in joined] == [(2, bob.user_id), (3, cyd.user_id)]
    assert _count(cyd, conversation_id) == 3


def test_members_unknown_people_and_doubles_are_skipped() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    asked = [bob.user_id, "usr_nobody", "no id", ada.user_id, bob.user_id]
    added, skipped = members.add(caller=ada, conversation_id=conversation_id, user_ids=asked)
    assert (added, skipped) == ([], [bob.user_id, "usr_nobody", "no id", ada.user_id])
    assert len(whole_log(conversation_id)) == 1


def test_who_blocks_the_caller_is_skipped_as_if_they_were_not_there() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada)
    relations.block(user_id=bob.user_id, other_id=ada.user_id)
    assert add(ada, conversation_id, bob, cyd) == ([cyd.user_id], [bob.user_id])


def test_whom_the_caller_blocks_is_not_brought_into_a_group() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada)
    relations.block(user_id=ada.user_id, other_id=cyd.user_id)
    for attempt in (lambda: add(ada, conversation_id, bob, cyd), lambda: group(ada, bob, cyd)):
        with pytest.raises(Forbidden) as refusal:
            attempt()
        assert refusal.value.stable_code == "blocked"
    assert _count(ada, conversation_id) == 1


def test_more_people_than_a_write_takes_can_be_added_at_once() -> None:
    ada, *others = people("ada", *(f"p{n:03}" for n in range(members.ADDED_PER_WRITE + 5)))
    conversation_id = group(ada)
    added, skipped = add(ada, conversation_id, *others)
    assert (len(added), skipped) == (len(others), [])
    assert [event.seq for event in whole_log(conversation_id)] == list(range(1, len(others) + 2))
    assert _count(ada, conversation_id) == len(others) + 1


def test_a_group_takes_no_more_than_its_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "MAX_MEMBERS", 3)
    ada, bob, cyd, dan = people("ada", "bob", "cyd", "dan")
    conversation_id = group(ada, bob)
    with pytest.raises(ValidationFailed) as refusal:
        add(ada, conversation_id, cyd, dan)
    assert refusal.value.errors[0].field == "user_ids"
    assert add(ada, conversation_id, cyd)[0] == [cyd.user_id]


def test_of_people_who_do_not_all_fit_nobody_is_added_however_many_writes_they_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(members, "ADDED_PER_WRITE", 2)
    monkeypatch.setattr(joining, "MAX_MEMBERS", 4)
    ada, bob, *others = people("ada", "bob", "cyd", "dan", "eve")
    conversation_id = group(ada, bob)
    with pytest.raises(ValidationFailed) as refusal:
        add(ada, conversation_id, *others)
    assert refusal.value.errors[0].field == "user_ids"
    assert _count(ada, conversation_id) == 2
    assert add(ada, conversation_id, bob, *others[:2]) == ([each.user_id for each in others[:2]], [bob.user_id])


def test_who_is_added_is_looked_up_and_not_everybody_who_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand come in by thirty writes: reading all members for each would take longer than a call may."""
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob)
    monkeypatch.setattr(store, "members", lambda _conversation_id: pytest.fail("read everybody"))
    assert add(ada, conversation_id, bob, cyd) == ([cyd.user_id], [bob.user_id])


def test_a_stranger_adds_nobody() -> None:
    ada, bob, eve = people("ada", "bob", "eve")
    with pytest.raises(NotFound):
        add(eve, group(ada), bob)


def test_where_only_admins_add_a_member_does_not() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, settings={"who_can_add": "admins"})
    with pytest.raises(Forbidden):
        add(bob, conversation_id, cyd)


def test_nobody_is_added_to_a_direct_conversation() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    with pytest.raises(Forbidden):
        add(ada, direct(ada, bob), cyd)


def test_one_person_added_by_many_at_once_is_in_once() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(lambda _: add(ada, conversation_id, bob), range(6)))
    assert sorted(len(added) for added, _ in results) == [0, 0, 0, 0, 0, 1]
    assert _count(ada, conversation_id) == 2
    assert [event.type for event in whole_log(conversation_id)] == ["conversation.created", "member.added"]


# --- removing and leaving -------------------------------------------------------------------------------------


def test_who_was_removed_is_out() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    remove(ada, conversation_id, bob)
    with pytest.raises(NotFound):
        service.get(caller=bob, conversation_id=conversation_id)
    with pytest.raises(NotFound):
        send(bob, conversation_id)
    with pytest.raises(NotFound):
        seen(bob, conversation_id)
    assert (_count(ada, conversation_id), whole_log(conversation_id)[-1].type) == (1, "member.removed")


def test_a_member_may_leave_but_not_remove() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    with pytest.raises(Forbidden):
        remove(bob, conversation_id, cyd)
    remove(bob, conversation_id, bob)
    assert _roles(conversation_id).keys() == {ada.user_id, cyd.user_id}


def test_an_admin_removes_members_but_no_owner() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    _role(ada, conversation_id, bob, "admin")
    with pytest.raises(Forbidden):
        remove(bob, conversation_id, ada)
    remove(bob, conversation_id, cyd)


def test_removing_somebody_who_is_not_there_is_not_found() -> None:
    ada, bob = people("ada", "bob")
    with pytest.raises(NotFound):
        remove(ada, group(ada), bob)


def test_a_last_owner_who_leaves_hands_over_to_the_longest_serving_admin() -> None:
    ada, bob, cyd, dan = people("ada", "bob", "cyd", "dan")
    with clock.held(1_800_000_000_000) as advance:
        conversation_id = group(ada)
        for who in (bob, dan, cyd):
            advance(1_000)
            add(ada, conversation_id, who)
    for who in (cyd, dan):
        _role(ada, conversation_id, who, "admin")
    remove(ada, conversation_id, ada)
    assert _roles(conversation_id) == {bob.user_id: "member", cyd.user_id: "admin", dan.user_id: "owner"}
    left, handed = whole_log(conversation_id)[-2:]
    assert (left.type, handed.type, handed.data) == (
        "member.removed",
        "member.updated",
        {"user_id": dan.user_id, "role": "owner", "joined_at": place_of(dan, conversation_id).joined_at},
    )


def test_an_owner_beside_another_leaves_without_handing_over() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    _role(ada, conversation_id, bob, "owner")
    remove(ada, conversation_id, ada)
    assert _roles(conversation_id) == {bob.user_id: "owner", cyd.user_id: "member"}


def test_a_group_ends_with_its_last_member() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    with captured_lines() as lines:
        remove(ada, conversation_id, ada)
    assert [event.type for event in whole_log(conversation_id)][-2:] == ["member.removed", "conversation.deleted"]
    assert rows("members") == []
    assert "not published" not in lines.text
    with pytest.raises(NotFound):
        service.get(caller=ada, conversation_id=conversation_id)


def test_nobody_leaves_a_direct_conversation() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = direct(ada, bob)
    for who in (ada, bob):
        with pytest.raises(Forbidden):
            remove(ada, conversation_id, who)


def test_after_all_owners_left_at_once_there_is_one() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    _role(ada, conversation_id, bob, "owner")
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda who: remove(who, conversation_id, who), [ada, bob]))
    assert _roles(conversation_id) == {cyd.user_id: "owner"}
    assert _count(cyd, conversation_id) == 1


# --- roles ----------------------------------------------------------------------------------------------------


def test_a_new_role_is_shown_with_the_person() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    changed = _role(ada, conversation_id, bob, "admin")
    assert (changed["role"], changed["user"].username) == ("admin", "bob")
    assert _roles(conversation_id)[bob.user_id] == "admin"
    assert whole_log(conversation_id)[-1].type == "member.updated"


def test_the_last_owner_cannot_step_down() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    with pytest.raises(Conflict) as refusal:
        _role(ada, conversation_id, ada, "member")
    assert refusal.value.stable_code == "last_owner"


def test_two_owners_who_step_down_at_once_leave_one() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    _role(ada, conversation_id, bob, "owner")

    def step_down(who: Caller) -> str:
        try:
            _role(who, conversation_id, who, "member")
        except Problem as problem:
            return problem.stable_code
        return "done"

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(step_down, [ada, bob]))
    assert sorted(results) == ["done", "last_owner"]
    assert sorted(_roles(conversation_id).values()) == ["member", "owner"]


def test_a_role_of_somebody_who_is_not_there_is_not_found() -> None:
    ada, bob = people("ada", "bob")
    with pytest.raises(NotFound):
        _role(ada, group(ada), bob, "admin")


# --- what the profile keeps -----------------------------------------------------------------------------------


def _profile(conversation_id: str) -> dict[str, Any]:
    (found,) = (r for r in rows("conversations") if r["conversation_id"] == conversation_id and r["part"] == "profile")
    return found


def test_the_roster_is_kept_while_it_is_short() -> None:
    ada, *others = people("ada", *(f"p{n:02}" for n in range(MEMBER_IDS_MAX)))
    conversation_id = group(ada, *others[:-1])
    assert len(_profile(conversation_id)["roster"]) > 2
    add(ada, conversation_id, others[-1])
    assert "roster" not in _profile(conversation_id)
    remove(ada, conversation_id, others[0])
    assert store.context(conversation_id, ada.user_id).info.member_ids is not None


@examples(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(["add", "remove", "leave", "promote"]), st.integers(0, 3)), max_size=12))
def test_after_any_comings_and_goings_count_and_roster_equal_the_members(steps: list[tuple[str, int]]) -> None:
    ada, *others = (_fresh(n) for n in range(5))
    conversation_id = group(ada)
    for step, number in steps:
        other = others[number]
        try:
            if step == "add":
                add(ada, conversation_id, other)
            elif step == "promote":
                _role(ada, conversation_id, other, "admin")
            else:
                remove(other if step == "leave" else ada, conversation_id, other)
        except NotFound:
            continue
    present = {member.user_id for member in store.members(conversation_id)}
    info = store.context(conversation_id, ada.user_id).info
    assert (info.member_count, set(info.member_ids or ())) == (len(present), present)
    assert [event.seq for event in whole_log(conversation_id)] == list(range(1, len(whole_log(conversation_id)) + 1))


def _fresh(number: int) -> Caller:
    from kernel import ids
    from tests.tools import caller

    return caller(f"p{number}{ids.token(40)[:6].lower().replace('-', '_')}")


# --- meeting others -------------------------------------------------------------------------------------------


def _outcome(act: Callable[[], object]) -> str:
    try:
        act()
    except Problem as problem:
        return problem.stable_code
    return "done"


def test_who_leaves_while_given_a_role_is_gone_or_was_given_it() -> None:
    ada, *others = people("ada", *(f"p{n}" for n in range(6)))
    conversation_id = group(ada, *others)
    acts: list[Callable[[], object]] = [partial(_role, ada, conversation_id, other, "admin") for other in others]
    acts += [partial(remove, other, conversation_id, other) for other in others]
    with ThreadPoolExecutor(12) as threads:
        outcomes = list(threads.map(_outcome, acts))
    assert outcomes[6:] == ["done"] * 6
    assert set(outcomes[:6]) <= {"done", "not_found"}
    assert _roles(conversation_id) == {ada.user_id: "owner"}


def test_two_admins_who_add_the_same_people_at_once_add_each_once() -> None:
    ada, bob, *others = people("ada", "bob", *(f"p{n}" for n in range(6)))
    conversation_id = group(ada, bob)
    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(lambda who: add(who, conversation_id, *others)[0], [ada, bob]))
    assert sorted(user_id for added in results for user_id in added) == sorted(other.user_id for other in others)
    assert _count(ada, conversation_id) == 8


def test_an_admin_unmade_at_the_same_moment_removes_nobody_after_it() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    _role(ada, conversation_id, bob, "admin")
    with ThreadPoolExecutor(2) as threads:
        unmaking = threads.submit(_outcome, partial(_role, ada, conversation_id, bob, "member"))
        removing = threads.submit(_outcome, partial(remove, bob, conversation_id, cyd))
    assert unmaking.result() == "done"
    assert removing.result() in ("done", "forbidden")
    kinds = [event.type for event in whole_log(conversation_id)][2:]
    assert kinds in (
        ["member.updated"],
        ["member.removed", "member.updated"],
    )
    assert (removing.result() == "done") == (cyd.user_id not in _roles(conversation_id))


def test_an_admin_unmakes_whom_they_made_and_may_step_down() -> None:
    ada, bob, cyd, dan = people("ada", "bob", "cyd", "dan")
    conversation_id = group(ada, bob, cyd, dan)
    for who in (bob, cyd):
        _role(ada, conversation_id, who, "admin")
    with pytest.raises(Forbidden):
        _role(bob, conversation_id, cyd, "member")
    _role(bob, conversation_id, dan, "admin")
    assert _role(bob, conversation_id, dan, "member")["role"] == "member"
    assert _role(bob, conversation_id, bob, "member")["role"] == "member"


def test_an_admin_does_not_become_one_of_their_own_making() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    _role(ada, conversation_id, bob, "admin")
    _role(bob, conversation_id, cyd, "admin")
    assert _role(cyd, conversation_id, cyd, "admin")["role"] == "admin"
    assert _role(bob, conversation_id, cyd, "member")["role"] == "member"
