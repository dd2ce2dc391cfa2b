"""Permissions in a conversation, and views of messages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.model import (
    ConversationInfo,
    Member,
    MemberContext,
    Role,
    Settings,
    require_not_last_owner,
    successor,
)
from kernel.errors import Conflict, Forbidden, NotFound, Problem
from log.model import MESSAGE_CREATED, Event, LogHead
from messages.model import MESSAGE_UPDATED
from messages.views import message_view

ROLES: tuple[Role, ...] = ("member", "admin", "owner")


def _member(user_id: str = "usr_ada", role: Role = "member", joined_at: int = 0) -> Member:
    return Member("cnv_tea", user_id, role, joined_at, visible_from=1)


def _place(role: Role = "member", *, kind: str = "group", blocked_by: str = "", **settings: Any) -> MemberContext:
    info = ConversationInfo(
        conversation_id="cnv_tea",
        kind="direct" if kind == "direct" else "group",
        name=None,
        description=None,
        settings=Settings(**settings),
        created_at=0,
        created_by="usr_ada",
        member_count=2,
        member_ids=None,
        blocked_by=frozenset({blocked_by} - {""}),
    )
    return MemberContext(LogHead("cnv_tea", 1, 0, 0, 1), info, _member(role=role))


def _message(**changes: Any) -> Event:
    data = {"id": "msg_1", "client_id": "1", "type": "text", "mentions": ["usr_bob"], "reply_to": "msg_0"}
    fields: dict[str, Any] = {"data": {**data, "metadata": {"k": 1}}, "text": "hello"} | changes
    return Event("cnv_tea", 7, MESSAGE_CREATED, "usr_ada", 1_000, **fields)


def _allowed(check: Any, *arguments: Any) -> bool:
    try:
        check(*arguments)
    except Forbidden:
        return False
    return True


# --- rights ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "allowed"), [("member", False), ("admin", True), ("owner", True)])
def test_admins_and_owners_manage_a_group(role: Role, allowed: bool) -> None:
    assert _allowed(_place(role).require_admin) == allowed


@pytest.mark.parametrize(("role", "allowed"), [("member", False), ("admin", False), ("owner", True)])
def test_owners_alone_end_a_group(role: Role, allowed: bool) -> None:
    assert _allowed(_place(role).require_owner) == allowed


@pytest.mark.parametrize("role", ROLES)
def test_a_direct_conversation_has_nothing_to_manage(role: Role) -> None:
    context = _place(role, kind="direct")
    for check in (context.require_group, context.require_admin, context.require_owner, context.require_add):
        assert not _allowed(check)


@pytest.mark.parametrize(("who", "allowed"), [("all", ROLES), ("admins", ("admin", "owner"))])
@pytest.mark.parametrize("role", ROLES)
def test_settings_say_who_sends_and_who_adds(who: str, allowed: tuple[Role, ...], role: Role) -> None:
    assert _allowed(_place(role, who_can_send=who).require_send) == (role in allowed)
    assert _allowed(_place(role, who_can_add=who).require_add) == (role in allowed)


def test_who_blocks_somebody_is_told_so() -> None:
    with pytest.raises(Forbidden) as refusal:
        _place(kind="direct", blocked_by="usr_ada").require_send()
    assert refusal.value.stable_code == "blocked"


def test_who_is_blocked_is_told_nothing() -> None:
    with pytest.raises(NotFound) as refusal:
        _place(kind="direct", blocked_by="usr_bob").require_send()
    assert refusal.value.stable_code == "not_found"


@pytest.mark.parametrize(
    ("role", "target", "allowed"),
    [
        ("member", "member", False), ("member", "admin", False), ("member", "owner", False),
        ("admin", "member", True), ("admin", "admin", False), ("admin", "owner", False),
        ("owner", "member", True), ("owner", "admin", True), ("owner", "owner", True),
    ],
)  # fmt: skip
def test_admins_remove_members_and_owners_anybody(role: Role, target: Role, allowed: bool) -> None:
    assert _allowed(_place(role).require_removal_of, _member("usr_bob", target)) == allowed


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("before", ROLES)
@pytest.mark.parametrize("after", ROLES)
def test_owners_give_any_role_and_admins_make_members_admins(role: Role, before: Role, after: Role) -> None:
    allowed = role == "owner" or (role == "admin" and before == "member" and after != "owner")
    assert _allowed(_place(role).require_role_change, _member("usr_bob", before), after) == allowed


# --- owners ---------------------------------------------------------------------------------------------------

members = st.lists(
    st.builds(_member, st.uuids().map(str), st.sampled_from(ROLES), st.integers(0, 5)),
    min_size=1, max_size=8, unique_by=lambda member: member.user_id,
)  # fmt: skip


@given(members)
def test_a_group_that_had_an_owner_keeps_one(people: list[Member]) -> None:
    leaving = next((each for each in people if each.role == "owner"), people[0])
    rest = [each for each in people if each is not leaving]
    heir = successor(people, leaving.user_id)
    owners = [each for each in rest if each.role == "owner"]
    assert (heir is not None) == (bool(rest) and not owners)
    assert heir is None or heir in rest


@given(members)
def test_the_longest_serving_admin_takes_over_and_else_the_longest_serving_member(people: list[Member]) -> None:
    heir = successor(people, people[0].user_id)
    if heir is None:
        return
    rest = people[1:]
    admins = [each for each in rest if each.role == "admin"]
    assert heir in (admins or rest)
    assert heir.joined_at == min(each.joined_at for each in admins or rest)


def test_of_equals_always_the_same_one_takes_over() -> None:
    people = [_member("usr_ada", "owner"), _member("usr_cyd"), _member("usr_bob")]
    assert successor(people, "usr_ada") == successor(people[::-1], "usr_ada") == _member("usr_bob")


@pytest.mark.parametrize(("role", "allowed"), [("owner", True), ("admin", False), ("member", False)])
def test_the_last_owner_cannot_be_unmade(role: Role, allowed: bool) -> None:
    owner = _member("usr_ada", "owner")
    people = [owner, _member("usr_bob", "admin")]
    if allowed:
        require_not_last_owner(people, owner, role)
        return
    with pytest.raises(Conflict) as refusal:
        require_not_last_owner(people, owner, role)
    assert refusal.value.stable_code == "last_owner"


def test_one_of_two_owners_can_be_unmade() -> None:
    people = [_member("usr_ada", "owner"), _member("usr_bob", "owner")]
    require_not_last_owner(people, people[0], "member")


# --- messages -------------------------------------------------------------------------------------------------


def test_a_message_is_shown_whole() -> None:
    seen = message_view(_message())
    assert (seen["id"], seen["seq"], seen["sender_id"], seen["text"]) == ("msg_1", 7, "usr_ada", "hello")
    assert (seen["mentions"], seen["reply_to"], seen["metadata"]) == (["usr_bob"], "msg_0", {"k": 1})


def test_reactions_are_counted_sorted_and_one_s_own_marked() -> None:
    seen = message_view(_message(reactions={"👍": 2, "🎉": 1, "😡": 0}), frozenset({"👍"}))
    assert seen["reactions"] == [
        {"emoji": "🎉", "count": 1, "mine": False},
        {"emoji": "👍", "count": 2, "mine": True},
    ]


def test_a_deleted_message_is_a_tombstone() -> None:
    seen = message_view(_message(deleted_at=2_000, edited_at=1_500, reactions={"👍": 1}))
    assert (seen["id"], seen["seq"], seen["deleted_at"]) == ("msg_1", 7, 2_000)
    content = ("text", "ciphertext", "mentions", "reply_to", "reactions", "metadata", "edited_at")
    assert not any(seen[name] for name in content)


def test_an_event_about_a_message_knows_which() -> None:
    assert _message().message_seq == 7
    assert Event("cnv_tea", 9, MESSAGE_UPDATED, "usr_ada", 0, {"message_seq": 7}).message_seq == 7
    assert Event("cnv_tea", 9, "member.added", "usr_ada", 0, {}).message_seq is None


@pytest.mark.parametrize("problem", [Forbidden, NotFound, Conflict])
def test_what_a_rule_raises_a_caller_may_see(problem: type[Problem]) -> None:
    assert problem.status < 500
