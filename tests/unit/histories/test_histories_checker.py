"""The checker of histories finds what it is there to find: each test breaks a good history in one way."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from tests.e2e.histories.checker import violations
from tests.e2e.histories.evidence import (
    NEVER,
    Delivered,
    Device,
    Evidence,
    Logged,
    Marked,
    Message,
    Out,
    Peeked,
    Restarted,
    Room,
    Seen,
    Step,
    Write,
)

C = "cnv_1"


def delivered(*seqs: int) -> list[Step]:
    return [Delivered(C, seq) for seq in seqs]


def send(number: int, user_id: str, seq: int, began: float, ended: float, **fields: object) -> Write:
    known: dict[str, object] = {"about": f"m{number}", "client_id": f"c{number}", "text": f"text {number}"}
    write = Write(kind="send", conversation_id=C, user_id=user_id, began=began, ended=ended, seq=seq)
    return dataclasses.replace(write, **(known | fields))  # type: ignore[arg-type]  # fields of Write


def message(number: int, sender_id: str, seq: int, text: str | None = None, **reactions: int) -> Message:
    return Message(f"m{number}", seq, sender_id, f"c{number}", text or f"text {number}", False, reactions)


@pytest.fixture
def history() -> Evidence:
    """Ada's group with Bob, who is removed and comes back, and Cyd, who comes later.

    1 created, 2 m1 by ada, 3 m2 by bob, 4 ada edits m1, 5 bob reacts to m1, 6 bob is removed, 7 m3 by ada,
    8 bob is added, 9 m4 by bob, 10 cyd is added, 11 m4 is deleted.
    """
    gone = Message("m4", 9, "bob", "c4", None, True, {})
    m1, m2, m3 = message(1, "ada", 2, "edited", thumb=1), message(2, "bob", 3), message(3, "ada", 7)
    room = Room(C, ("ada", "bob"), history_visible=False)
    room.log = [
        Logged(1, "conversation.created", "ada"),
        Logged(2, "message.created", "ada", "m1", client_id="c1"),
        Logged(3, "message.created", "bob", "m2", client_id="c2"),
        Logged(4, "message.updated", "ada", "m1"),
        Logged(5, "reaction.added", "bob", "m1", "thumb"),
        Logged(6, "member.removed", "ada", "bob"),
        Logged(7, "message.created", "ada", "m3", client_id="c3"),
        Logged(8, "member.added", "ada", "bob"),
        Logged(9, "message.created", "bob", "m4", client_id="c4"),
        Logged(10, "member.added", "ada", "cyd"),
        Logged(11, "message.deleted", "bob", "m4"),
    ]
    room.seen = {
        "ada": Seen(1, 2, (m1, m2, m3, gone), ("one", "two", "three", "four")),
        "bob": Seen(0, 0, (gone,), ("four",)),
        "cyd": Seen(0, 0, (), ()),
    }
    writes = [
        send(1, "ada", 2, 1, 2),
        send(2, "bob", 3, 3, 4),
        Write(kind="edit", conversation_id=C, user_id="ada", began=5, ended=6, about="m1", text="edited"),
        Write(kind="react", conversation_id=C, user_id="bob", began=7, ended=8, about="m1", emoji="thumb"),
        Write(kind="remove", conversation_id=C, user_id="ada", began=9, ended=10, about="bob"),
        send(3, "ada", 7, 11, 12),
        Write(kind="add", conversation_id=C, user_id="ada", began=13, ended=14, about="bob"),
        send(4, "bob", 9, 15, 16),
        Write(kind="add", conversation_id=C, user_id="ada", began=17, ended=18, about="cyd"),
        Write(kind="delete", conversation_id=C, user_id="bob", began=19, ended=20, about="m4"),
    ]
    devices = [
        Device("ada 1", "ada", delivered(*range(1, 12)), {(C, seq) for seq in range(1, 12)}),
        Device("ada 2", "ada", delivered(*range(1, 12))),
        Device("bob 1", "bob", [*delivered(1, 2, 3, 4, 5, 6), Out(C), *delivered(8, 9, 10, 11)], {(C, 6), (C, 8)}),
        Device("bob 2", "bob", [*delivered(1, 2), Out(C), *delivered(8, 9, 10, 11)]),
        Device("cyd 1", "cyd", delivered(10, 11)),
    ]
    for device, state in zip(devices, [room.seen["ada"].shown] * 2 + [("four",)] * 2 + [()], strict=True):
        device.states = {C: state}
    devices[0].sent_in_order = {C: ["c1", "c3"]}
    tries = Counter({("edit", "ada", "m1", ""): 1, ("react", "bob", "m1", "thumb"): 1, ("delete", "bob", "m4", ""): 1})
    marked = [Marked(C, "ada", 5, 6, 2, 2), Marked(C, "ada", 7, 8, 1, 2)]
    peeked = [Peeked(C, "bob", 10.5, 12.5, None), Peeked(C, "bob", 15, 16, (8, 9)), Peeked(C, "ada", 3, 4, (1, 2, 3))]
    return Evidence({C: room}, writes, devices, marked, peeked, tries)


def room_of(history: Evidence) -> Room:
    return history.rooms[C]


def only(history: Evidence, *words: str) -> None:
    """There is something wrong, and each complaint has one of these words."""
    found = violations(history)
    assert found
    assert all(any(word in each for word in words) for each in found), found


def relog(history: Evidence, seq: int, **changes: object) -> None:
    log = room_of(history).log
    log[seq - 1] = dataclasses.replace(log[seq - 1], **changes)  # type: ignore[arg-type]  # fields of Logged


def rewrite(history: Evidence, position: int, **changes: object) -> None:
    history.writes[position] = dataclasses.replace(history.writes[position], **changes)  # type: ignore[arg-type]


def resee(history: Evidence, user_id: str, **changes: object) -> None:
    seen = room_of(history).seen
    seen[user_id] = dataclasses.replace(seen[user_id], **changes)  # type: ignore[arg-type]  # fields of Seen


def test_a_good_history_is_found_good(history: Evidence) -> None:
    assert violations(history) == []


def test_trouble_on_the_way_is_told(history: Evidence) -> None:
    history.troubles.append("a 500")
    assert violations(history) == ["a 500"]


# --- the log --------------------------------------------------------------------------------------------------


def test_a_hole_in_the_log_is_found(history: Evidence) -> None:
    del room_of(history).log[4]
    assert any("is not 1.." in each for each in violations(history))


def test_a_seq_that_is_given_twice_is_found(history: Evidence) -> None:
    room_of(history).log.insert(4, room_of(history).log[3])
    assert any("is not 1.." in each for each in violations(history))


def test_an_acknowledged_message_that_is_lost_is_found(history: Evidence) -> None:
    relog(history, 7, type="conversation.updated", about="", client_id="")
    assert any("c3" in each and "acknowledged" in each for each in violations(history))


def test_an_acknowledged_message_at_another_place_is_found(history: Evidence) -> None:
    rewrite(history, 5, seq=8)
    only(history, "c3")


def test_a_message_that_is_there_twice_is_found(history: Evidence) -> None:
    relog(history, 9, actor_id="ada", client_id="c3", about="m9")
    assert any("in the log 2 times" in each for each in violations(history))


def test_a_message_that_nobody_sent_is_found(history: Evidence) -> None:
    del history.writes[5]
    only(history, "never sent", "none of []")


def test_a_send_without_an_answer_may_be_there_or_not(history: Evidence) -> None:
    rewrite(history, 5, ended=NEVER, about="", seq=0)
    history.writes.append(Write(kind="send", conversation_id=C, user_id="bob", began=3, client_id="c99"))
    assert violations(history) == []


def test_different_answers_to_one_client_id_are_found(history: Evidence) -> None:
    history.writes.append(send(1, "ada", 3, 21, 22, about="m2"))
    only(history, "different messages", "is not there in the log")


def test_equal_answers_to_one_client_id_are_fine(history: Evidence) -> None:
    history.writes.append(send(1, "ada", 2, 21, 22))
    assert violations(history) == []


def test_an_order_against_the_acknowledgements_is_found(history: Evidence) -> None:
    rewrite(history, 1, began=25, ended=26)
    only(history, "acknowledged before it was sent")


def test_what_was_under_way_together_may_stand_in_any_order(history: Evidence) -> None:
    rewrite(history, 1, began=11.5, ended=26)
    assert violations(history) == []


# --- changes --------------------------------------------------------------------------------------------------


def test_a_lost_edit_is_found(history: Evidence) -> None:
    relog(history, 4, type="conversation.updated", about="")
    only(history, "acknowledged edits")


def test_an_edit_that_is_there_more_often_than_asked_for_is_found(history: Evidence) -> None:
    relog(history, 7, type="message.updated", about="m1", client_id="")
    assert any("did not ask so often" in each for each in violations(history))


def test_a_text_from_before_an_acknowledged_edit_is_found(history: Evidence) -> None:
    resee(history, "ada", messages=(message(1, "ada", 2, thumb=1), *room_of(history).seen["ada"].messages[1:]))
    only(history, "which is none of")


def test_of_edits_under_way_together_either_may_win(history: Evidence) -> None:
    edit = Write(kind="edit", conversation_id=C, user_id="ada", began=5.5, ended=7, about="m1", text="other")
    history.writes.append(edit)
    history.tries["edit", "ada", "m1", ""] = 2
    relog(history, 1, type="message.updated", about="m1")
    assert violations(history) == []


def test_an_edit_that_came_late_over_a_dying_socket_may_win(history: Evidence) -> None:
    edit = Write(kind="edit", conversation_id=C, user_id="ada", began=21, ended=22, about="m1", text="other")
    history.writes.append(edit)
    history.tries["edit", "ada", "m1", ""] = 2
    relog(history, 1, type="message.updated", about="m1")
    only(history, "which is none of")
    rewrite(history, 2, loose=True)
    assert violations(history) == []


def test_a_lost_deletion_is_found(history: Evidence) -> None:
    relog(history, 11, type="conversation.updated", about="")
    only(history, "m4")


def test_a_deletion_that_is_there_twice_is_found(history: Evidence) -> None:
    relog(history, 1, type="message.deleted", actor_id="bob", about="m4")
    history.tries["delete", "bob", "m4", ""] = 2
    only(history, "in the log 2 times")


def test_a_deleted_message_that_is_shown_is_found(history: Evidence) -> None:
    messages = room_of(history).seen["ada"].messages
    resee(history, "ada", messages=(*messages[:3], message(4, "bob", 9)), unread_count=2)
    only(history, "deleted only in the log")


def test_a_reaction_that_is_added_twice_is_found(history: Evidence) -> None:
    relog(history, 1, type="reaction.added", actor_id="bob", about="m1", emoji="thumb")
    history.tries["react", "bob", "m1", "thumb"] = 2
    only(history, "changes nothing")


def test_a_wrong_count_of_reactions_is_found(history: Evidence) -> None:
    messages = room_of(history).seen["ada"].messages
    resee(history, "ada", messages=(message(1, "ada", 2, "edited", thumb=2), *messages[1:]))
    only(history, "shows reactions")


def test_an_acknowledged_reaction_that_is_lost_is_found(history: Evidence) -> None:
    relog(history, 5, type="conversation.updated", about="", emoji="")
    messages = room_of(history).seen["ada"].messages
    resee(history, "ada", messages=(message(1, "ada", 2, "edited"), *messages[1:]))
    only(history, "does not hold")


def test_of_opposite_wishes_under_way_together_either_may_hold(history: Evidence) -> None:
    wish = Write(kind="unreact", conversation_id=C, user_id="bob", began=7.5, ended=9, about="m1", emoji="thumb")
    history.writes.append(wish)
    assert violations(history) == []


# --- members --------------------------------------------------------------------------------------------------


def test_a_lost_removal_is_found(history: Evidence) -> None:
    history.writes.append(Write(kind="remove", conversation_id=C, user_id="ada", began=30, ended=31, about="cyd"))
    only(history, "remove of cyd")


def test_somebody_who_joins_twice_is_found(history: Evidence) -> None:
    relog(history, 1, type="member.added", about="bob")
    only(history, "joined twice")


def test_an_event_after_the_removal_is_found(history: Evidence) -> None:
    history.devices[2].steps[6:6] = delivered(7)
    only(history, "got 7 after 6")


def test_a_return_that_the_device_is_not_told_of_is_found(history: Evidence) -> None:
    room = room_of(history)
    relog(history, 7, type="member.added", about="bob", client_id="")
    relog(history, 8, type="conversation.updated", about="")
    del history.writes[5], history.devices[0].sent_in_order[C]
    messages, (one, two, _, four) = room.seen["ada"].messages, room.seen["ada"].shown
    resee(history, "ada", messages=(*messages[:2], messages[3]), shown=(one, two, four))
    for device in history.devices[:2]:
        device.states = {C: (one, two, four)}
    for device in history.devices[2:4]:
        device.steps = [*delivered(*range(1, 7)), Out(C), *delivered(*range(7, 12))]
    assert violations(history) == []
    del history.devices[2].steps[6]
    only(history, "got 7 after 6")


def test_a_frame_from_after_the_removal_is_found_even_if_the_client_ignores_it(history: Evidence) -> None:
    history.devices[3].heard.add((C, 7))
    only(history, "frames of [7]")


def test_a_frame_from_before_the_joining_is_found(history: Evidence) -> None:
    history.devices[4].heard.add((C, 9))
    only(history, "frames of [9]")


def test_a_removed_member_who_can_read_the_log_is_found(history: Evidence) -> None:
    history.writes.append(Write(kind="remove", conversation_id=C, user_id="ada", began=30, ended=31, about="cyd"))
    room_of(history).log.append(Logged(12, "member.removed", "ada", "cyd"))
    room_of(history).seen.pop("cyd")
    history.devices[4].steps.append(Out(C))
    for device in history.devices[:4]:
        device.steps += delivered(12)
    assert violations(history) == []
    history.peeked.append(Peeked(C, "cyd", 32, 33, (10, 11)))
    only(history, "after the removal was acknowledged")


def test_a_peek_beyond_ones_stays_is_found(history: Evidence) -> None:
    history.peeked.append(Peeked(C, "cyd", 32, 33, (9, 10, 11)))
    only(history, "read [9] outside")


def test_with_a_visible_history_who_comes_back_may_see_everything(history: Evidence) -> None:
    room = room_of(history)
    room.history_visible = True
    for user_id in ("bob", "cyd"):
        resee(history, user_id, messages=room.seen["ada"].messages, unread_count=2, shown=room.seen["ada"].shown)
    resee(history, "cyd", unread_count=3)
    history.devices[2].steps = delivered(*range(1, 12))  # came back before the device knew that it was out
    history.devices[3].steps = [*delivered(1, 2), Out(C), *delivered(*range(1, 12))]
    history.devices[4].steps = delivered(*range(1, 12))
    for device in history.devices[2:]:
        device.states = {C: room.seen["ada"].shown}
    assert violations(history) == []


# --- what devices see -----------------------------------------------------------------------------------------


def test_a_skipped_event_is_found(history: Evidence) -> None:
    del history.devices[0].steps[4]
    only(history, "skipped to 6 after 4")


def test_a_doubled_event_is_found(history: Evidence) -> None:
    history.devices[0].steps.insert(4, Delivered(C, 4))
    only(history, "again 4 after 4")


def test_reordered_events_are_found(history: Evidence) -> None:
    steps = history.devices[0].steps
    steps[3], steps[4] = steps[4], steps[3]
    only(history, "skipped to 5 after 3")


def test_a_missing_beginning_is_found(history: Evidence) -> None:
    del history.devices[0].steps[0]
    only(history, "got 2 after 0")


def test_a_missing_end_is_found(history: Evidence) -> None:
    del history.devices[0].steps[-1]
    only(history, "ended at 10, the log at 11")


def test_a_device_that_got_nothing_is_found(history: Evidence) -> None:
    history.devices[4].steps.clear()
    only(history, "ended at None")


def test_a_device_that_does_not_know_that_it_is_out_is_found(history: Evidence) -> None:
    room = room_of(history)
    room.log = room.log[:6]
    history.writes = history.writes[:5]
    resee(history, "ada", messages=room.seen["ada"].messages[:2], shown=("one", "two"))
    del room.seen["bob"], room.seen["cyd"], history.devices[3:]
    history.peeked.clear()
    for device in history.devices[:2]:
        device.steps = delivered(*range(1, 7))
        device.states = {C: ("one", "two")}
    history.devices[0].heard.clear()
    history.devices[0].sent_in_order.clear()
    history.devices[2] = Device("bob 1", "bob", [*delivered(*range(1, 7)), Out(C)])
    assert violations(history) == []
    history.devices[2].steps.pop()
    only(history, "does not know that bob is out")


def test_after_a_crash_the_last_events_may_come_again(history: Evidence) -> None:
    history.devices[0].steps = [*delivered(1, 2, 3, 4, 5), Restarted(crashed=True), *delivered(*range(4, 12))]
    assert violations(history) == []


def test_after_a_crash_nothing_may_be_missing(history: Evidence) -> None:
    history.devices[0].steps = [*delivered(1, 2, 3, 4, 5), Restarted(crashed=True), *delivered(*range(7, 12))]
    only(history, "skipped to 7 after 5")


def test_after_an_orderly_restart_nothing_comes_again(history: Evidence) -> None:
    history.devices[0].steps = [*delivered(1, 2, 3, 4, 5), Restarted(crashed=False), *delivered(*range(5, 12))]
    only(history, "again 5 after 5")


def test_a_state_that_differs_from_the_list_is_found(history: Evidence) -> None:
    history.devices[0].states[C] = ("one", "two", "tree", "four")
    only(history, "the state is tree")


def test_a_state_that_lacks_a_message_is_found(history: Evidence) -> None:
    history.devices[0].states[C] = ("one", "two", "three")
    only(history, "3 messages")


def test_an_outbox_that_sends_out_of_order_is_found(history: Evidence) -> None:
    history.devices[0].sent_in_order = {C: ["c3", "c1"]}
    only(history, "out of order")


# --- reading --------------------------------------------------------------------------------------------------


def test_a_wrong_unread_count_is_found(history: Evidence) -> None:
    resee(history, "ada", unread_count=2)
    only(history, "a recount says 1")


def test_a_marker_that_moves_back_is_found(history: Evidence) -> None:
    history.marked[1] = Marked(C, "ada", 7, 8, 1, 1)
    only(history, "moved back from 2 to 1")


def test_a_marker_that_is_lost_is_found(history: Evidence) -> None:
    resee(history, "ada", read_seq=0, unread_count=1)
    only(history, "ended at 0")


def test_a_marker_that_stays_behind_is_found(history: Evidence) -> None:
    history.marked.append(Marked(C, "bob", 15, 16, 9, 8))
    resee(history, "bob", read_seq=9)
    only(history, "was to be 9")


def test_a_marker_that_moves_by_itself_is_found(history: Evidence) -> None:
    resee(history, "cyd", read_seq=11)
    only(history, "never asked for")


def test_a_marker_beyond_the_end_ends_at_the_end(history: Evidence) -> None:
    history.marked.append(Marked(C, "cyd", 30, 31, 1_000, 11))
    resee(history, "cyd", read_seq=11)
    assert violations(history) == []
