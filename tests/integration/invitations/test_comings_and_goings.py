"""After random joins, removals and bans, members and bans agree with a model of the rules, and the log is dense."""

from __future__ import annotations

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from conversations import members, store
from kernel import ids
from kernel.caller import Caller
from kernel.errors import Problem
from tests.integration.invitations.test_invitations import accept, link
from tests.integration.rooms import add, group, remove, whole_log
from tests.tools import caller

STEPS = st.sampled_from(["owner adds", "member adds", "owner removes", "leaves", "comes by link", "is unbanned"])


def _fresh(name: str) -> Caller:
    return caller(f"{name}{ids.token(64).lower().replace('-', '_')[:8]}")


@examples(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(STEPS, st.integers(0, 2)), max_size=14))
def test_members_and_bans_follow_the_rules(steps: list[tuple[str, int]]) -> None:
    owner, friend, *others = (_fresh(name) for name in ("owner", "friend", "a", "b", "c"))
    conversation_id = group(owner, friend)
    made = link(owner, conversation_id)
    inside, banned, by_link = {owner.user_id, friend.user_id}, set[str](), 0
    refused: set[tuple[str, bool]] = set()
    for step, number in steps:
        other = others[number]
        who = other.user_id
        try:
            if step == "owner adds":
                add(owner, conversation_id, other)
                inside.add(who)
                banned.discard(who)
            elif step == "member adds":
                add(friend, conversation_id, other)
                inside |= {who} - banned
            elif step == "is unbanned":
                members.unban(caller=owner, conversation_id=conversation_id, user_id=who)
                banned.discard(who)
            elif step == "comes by link":
                _, new = accept(other, made)
                by_link += new
                inside.add(who)
            else:
                remove(owner if step == "owner removes" else other, conversation_id, other)
                inside.discard(who)
                if step == "owner removes":
                    banned.add(who)
        except Problem as problem:
            refused.add((problem.stable_code, step == "comes by link" and who in banned))
    assert refused <= {("banned", True), ("not_found", False)}
    context = store.context(conversation_id, owner.user_id)
    assert {member.user_id for member in store.members(conversation_id)} == inside == set(context.info.member_ids or ())
    assert context.info.member_count == len(inside)
    listed = members.bans(caller=owner, conversation_id=conversation_id, limit=50, after=None).items
    assert {each["user"].id for each in listed} == banned
    found = whole_log(conversation_id)
    assert [entry.seq for entry in found] == list(range(1, len(found) + 1))
    assert sum(entry.type == "member.added" and entry.actor_id == entry.data["user_id"] for entry in found) == by_link
