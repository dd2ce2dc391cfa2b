"""Who takes part in a call: blocks, removals, newcomers, deleted groups."""

from __future__ import annotations

from calls import history, service
from calls.model import Call
from calls.participant import MediaState
from conversations import service as conversations
from conversations.model import MemberContext
from kernel import clock
from log import head_store
from messages import service as messages
from tests.integration.calls.calling import (
    NOW,
    connected,
    join,
    refusal,
    ring,
    states,
    stored,
    swept,
    two,
)
from tests.integration.rooms import add, group, people, remove, seen
from tests.management import Management
from users import relations


def test_a_block_stops_calls_both_ways_but_not_hanging_up() -> None:
    ada, bob, chat = two()
    call = ring(ada, chat)
    join(bob, call)
    relations.block(user_id=ada.user_id, other_id=bob.user_id)
    conversations.note_block(ada.user_id, bob.user_id, True)
    for step in (
        lambda: ring(bob, chat),
        lambda: join(bob, call),
        lambda: service.heartbeat(caller=bob, call_id=call["id"]),
        lambda: service.set_media(caller=bob, call_id=call["id"], media=MediaState(hand_raised=True)),
    ):
        assert refusal(step) == "not_found"
    assert refusal(lambda: service.heartbeat(caller=ada, call_id=call["id"])) == "blocked"
    service.leave(caller=bob, call_id=call["id"])
    assert service.leave(caller=ada, call_id=call["id"])["end_reason"] == "completed"


def test_a_group_s_call_does_not_ring_between_two_with_a_block_of_this_moment(management: Management) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    tea = group(ada, bob, cleo)
    connected(bob, "b1"), connected(cleo, "c1")
    relations.block(user_id=cleo.user_id, other_id=ada.user_id)  # the copies in the memberships follow it later
    call = ring(ada, tea)
    assert [each["user_id"] for each in call["participants"]] == [ada.user_id, bob.user_id]
    assert "call.ringing" in management.kinds("b1")
    assert "call.ringing" not in management.kinds("c1")
    service.end(caller=ada, call_id=call["id"])
    assert [each["user_id"] for each in ring(cleo, tea)["participants"]] == [cleo.user_id, bob.user_id]


def test_a_removed_member_has_no_part_in_it_any_more() -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    context = group(ada, bob, cleo)
    call = ring(ada, context)
    join(bob, call)
    remove(ada, context, bob)
    for step in (
        lambda: join(bob, call),
        lambda: service.heartbeat(caller=bob, call_id=call["id"]),
        lambda: service.leave(caller=bob, call_id=call["id"]),
        lambda: service.get(caller=bob, call_id=call["id"]),
    ):
        assert refusal(step) == "not_found"
    assert history.list_of_caller(caller=bob, limit=5, after=None).items == []


def test_who_was_removed_before_a_change_hears_nothing_of_it(management: Management) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    context = group(ada, bob, cleo)
    call = ring(ada, context)
    join(cleo, call)
    connected(bob, "b1")
    connected(cleo, "c1")

    def leave_after_the_removal(now: Call, _: MemberContext) -> Call:
        remove(ada, context, bob)  # while the change is under way
        return now.leave(cleo.user_id, cleo.session_id, clock.now())

    service._apply(cleo, call["id"], leave_after_the_removal)
    told = "call.updated", "call.ended"
    assert [kind for kind in management.kinds("b1") if kind in told] == []
    assert [kind for kind in management.kinds("c1") if kind in told] != []


def test_a_removed_member_is_out_when_the_lease_lapses() -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    with clock.held(NOW) as advance:
        context = group(ada, bob, cleo)
        call = ring(ada, context)
        join(bob, call)
        join(cleo, call)
        remove(ada, context, bob)
        advance(40_000)
        service.heartbeat(caller=ada, call_id=call["id"])
        service.heartbeat(caller=cleo, call_id=call["id"])
        advance(5_000)
        answer = swept(call)
        assert (answer["over"], [each.state for each in stored(call).participants]) == (
            False,
            ["joined", "left", "joined"],
        )


def test_only_admins_call_where_only_admins_send() -> None:
    ada, bob = people("ada", "bob")
    context = group(ada, bob, settings={"who_can_send": "admins"})
    assert refusal(lambda: ring(bob, context)) == "forbidden"
    ring(ada, context)


def test_a_newcomer_sees_the_live_call_and_none_from_before() -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    context = group(ada, bob)
    old = ring(ada, context)
    service.end(caller=ada, call_id=old["id"])
    live = ring(ada, context)
    add(ada, context, cleo)
    listed = history.list_of_conversation(caller=cleo, conversation_id=context, limit=5, after=None).items
    assert [each["id"] for each in listed] == [live["id"]]
    assert refusal(lambda: service.get(caller=cleo, call_id=old["id"])) == "not_found"
    assert states(join(cleo, live)["call"]) == ["joined", "ringing", "joined"]


# --- ending beside the log ------------------------------------------------------------------------------------


def test_a_call_of_a_deleted_group_fails() -> None:
    ada, bob = people("ada", "bob")
    with clock.held(NOW) as advance:
        context = group(ada, bob)
        call = ring(ada, context)
        join(bob, call)
        conversations.delete(caller=ada, conversation_id=context)
        advance(45_000)
        assert swept(call)["over"]
    assert stored(call).end_reason == "failed"


def test_a_call_whose_message_was_deleted_ends_all_the_same() -> None:
    ada, _, chat = two()
    call = ring(ada, chat)
    messages.delete(caller=ada, conversation_id=chat, message_id=stored(call).message_id)
    assert service.end(caller=ada, call_id=call["id"])["end_reason"] == "cancelled"
    assert head_store.head(chat).live_call is None


def test_a_call_goes_on_when_its_initiator_is_no_member_any_more() -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    context = group(ada, bob, cleo)
    call = ring(bob, context)
    join(cleo, call)
    remove(ada, context, bob)
    assert service.end(caller=ada, call_id=call["id"])["end_reason"] == "completed"
    assert seen(ada, context)[-1]["type"] == "message.updated"
