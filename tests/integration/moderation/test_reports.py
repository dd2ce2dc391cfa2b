"""Reporting a message to a group's admins, and what they decide."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conversations import members
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Conflict, Forbidden, Gone, NotFound, ValidationFailed
from messages import service as messages
from moderation import service as moderation
from moderation.model import Report
from tests.integration.invitations.test_invitations import T0, outcome
from tests.integration.polls.ballot_boxes import ask
from tests.integration.rooms import add, direct, group, open_socket, people, remove, send, whole_log
from tests.management import Management
from tests.tools import captured_lines, rows


def _scene() -> tuple[str, dict[str, Any], list[Caller]]:
    """A group of ada's with bob and cyd, and a message of cyd's."""
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    return conversation_id, send(cyd, conversation_id, "rude words"), [ada, bob, cyd]


def report_by(who: Caller, message: dict[str, Any], reason: str = "It is rude.") -> tuple[Report, bool]:
    return moderation.report(
        caller=who, conversation_id=message["conversation_id"], message_id=message["id"], reason=reason
    )


def _queue(who: Caller, conversation_id: str, *, is_open: bool = True) -> list[dict[str, Any]]:
    return moderation.list_reports(
        caller=who, conversation_id=conversation_id, is_open=is_open, limit=50, after=None
    ).items


def _decide(who: Caller, report: Report, decision: Any, *, delete: bool = False) -> dict[str, Any]:
    return moderation.decide(
        caller=who,
        conversation_id=report.conversation_id,
        report_id=report.id,
        decision=decision,
        delete_message=delete,
    )


# --- reporting ------------------------------------------------------------------------------------------------


def test_a_report_shows_admins_the_message_as_its_reporter_saw_it() -> None:
    conversation_id, message, (ada, bob, cyd) = _scene()
    made, new = report_by(bob, message)
    messages.edit(caller=cyd, conversation_id=conversation_id, message_id=message["id"], text="kind words")
    messages.delete(caller=cyd, conversation_id=conversation_id, message_id=message["id"])
    (shown,) = _queue(ada, conversation_id)
    assert new
    assert (shown["id"], shown["reporter"].username, shown["reason"]) == (made.id, "bob", "It is rude.")
    assert (shown["message"]["text"], shown["sender_id"], shown["state"]) == ("rude words", cyd.user_id, "open")


def test_a_report_of_a_poll_shows_its_options_and_no_result() -> None:
    conversation_id, _, (ada, bob, cyd) = _scene()
    poll = ask(cyd, conversation_id)
    report_by(bob, {"id": poll["message_id"], "conversation_id": conversation_id})
    (shown,) = _queue(ada, conversation_id)
    assert (shown["message"]["text"], shown["message"]["type"]) == ("Tea or coffee?\nTea\nCoffee\nWater", "poll")


def test_a_person_reports_a_message_once() -> None:
    conversation_id, message, (ada, bob, _) = _scene()
    first, _ = report_by(bob, message)
    assert report_by(bob, message, "Another reason") == (first, False)
    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(lambda _: report_by(ada, message), range(6)))
    assert ([new for _, new in made].count(True), len({each.id for each, _ in made})) == (1, 1)
    assert len(_queue(ada, conversation_id)) == 2


def test_who_does_not_see_a_message_does_not_report_it() -> None:
    conversation_id, message, (ada, bob, _) = _scene()
    eve, newcomer = people("eve", "newcomer")
    add(ada, conversation_id, newcomer)
    remove(bob, conversation_id, bob)
    for who in (eve, bob, newcomer):
        with pytest.raises(NotFound):
            report_by(who, message)


def test_what_cannot_be_reported() -> None:
    conversation_id, message, (ada, bob, cyd) = _scene()
    with pytest.raises(Forbidden):
        report_by(cyd, message)
    with pytest.raises(Forbidden):
        report_by(bob, send(ada, direct(ada, bob)))
    messages.delete(caller=cyd, conversation_id=conversation_id, message_id=message["id"])
    with pytest.raises(Gone):
        report_by(bob, message)


# --- the queue ------------------------------------------------------------------------------------------------


def test_the_queue_is_for_admins_and_shows_nobody_what_is_said_of_them() -> None:
    conversation_id, message, (ada, bob, cyd) = _scene()
    made, _ = report_by(bob, message)
    with pytest.raises(Forbidden):
        _queue(bob, conversation_id)
    with pytest.raises(Forbidden):
        _decide(bob, made, "dismissed")
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=cyd.user_id, role="admin")
    assert _queue(cyd, conversation_id) == []
    with pytest.raises(NotFound):
        _decide(cyd, made, "dismissed")
    assert len(_queue(ada, conversation_id)) == 1


def test_an_admin_who_came_later_sees_no_report_of_what_was_said_before() -> None:
    conversation_id, message, (ada, bob, _) = _scene()
    (dan,) = people("dan")
    add(ada, conversation_id, dan)
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=dan.user_id, role="admin")
    made, _ = report_by(bob, message)
    assert _queue(dan, conversation_id) == []
    with pytest.raises(NotFound):
        _decide(dan, made, "resolved")
    later, _ = report_by(bob, send(ada, conversation_id, "later"))
    assert [each["id"] for each in _queue(dan, conversation_id)] == [later.id]


def test_the_queue_comes_in_pages_oldest_first() -> None:
    conversation_id, _, (ada, bob, cyd) = _scene()
    made = []
    with clock.held(T0) as advance:
        for number in range(5):
            advance(1)
            made.append(report_by(bob, send(cyd, conversation_id, str(number)))[0].id)
        found: list[str] = []
        after: str | None = None
        for _ in range(3):
            page = moderation.list_reports(
                caller=ada, conversation_id=conversation_id, is_open=True, limit=2, after=after
            )
            found += [each["id"] for each in page.items]
            after = page.next_cursor
    assert (found, after) == (made, None)


def test_a_report_that_nobody_decides_is_gone_after_ninety_days_though_its_row_is_there() -> None:
    with clock.held(T0) as advance:
        conversation_id, message, (ada, bob, _) = _scene()
        made, _ = report_by(bob, message)
        advance(90 * clock.DAY)
        assert _queue(ada, conversation_id) == []
        with pytest.raises(NotFound):
            _decide(ada, made, "resolved")
        assert report_by(bob, message)[1]


# --- deciding -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", ["resolved", "dismissed"])
def test_a_decided_report_keeps_nothing_of_the_message(decision: Any) -> None:
    conversation_id, message, (ada, bob, _) = _scene()
    made, _ = report_by(bob, message)
    with captured_lines() as lines:
        shown = _decide(ada, made, decision)
    assert (shown["state"], shown["message"], shown["decided_by"]) == (decision, None, ada.user_id)
    assert _queue(ada, conversation_id) == []
    assert [each["id"] for each in _queue(ada, conversation_id, is_open=False)] == [made.id]
    assert "rude words" not in str(rows("reports"))
    (audit,) = [line for line in lines.all if line["message"] == "audit"]
    assert (audit["action"], audit["actor_id"]) == (f"report.{decision}", ada.user_id)
    assert "rude" not in lines.text
    assert messages.get(caller=bob, conversation_id=conversation_id, message_id=message["id"])["text"] == "rude words"


def test_a_message_is_deleted_through_its_report() -> None:
    conversation_id, message, (ada, bob, _) = _scene()
    made, _ = report_by(bob, message)
    for _ in range(2):
        assert _decide(ada, made, "resolved", delete=True)["state"] == "resolved"
    shown = messages.get(caller=bob, conversation_id=conversation_id, message_id=message["id"])
    assert (shown["text"], shown["deleted_at"] is None) == (None, False)
    assert [entry.type for entry in whole_log(conversation_id)].count("message.deleted") == 1
    assert whole_log(conversation_id)[-1].actor_id == ada.user_id


def test_a_dismissed_report_deletes_nothing() -> None:
    _, message, (ada, bob, _) = _scene()
    made, _ = report_by(bob, message)
    with pytest.raises(ValidationFailed) as refusal:
        _decide(ada, made, "dismissed", delete=True)
    assert refusal.value.errors[0].field == "delete_message"


def test_a_decision_settles_every_open_report_of_that_message() -> None:
    conversation_id, message, (ada, bob, cyd) = _scene()
    other = send(cyd, conversation_id, "other words")
    first, _ = report_by(bob, message)
    report_by(ada, message)
    report_by(bob, other)
    _decide(ada, first, "resolved")
    assert [each["message_id"] for each in _queue(ada, conversation_id)] == [other["id"]]
    assert len(_queue(ada, conversation_id, is_open=False)) == 2


def test_many_reports_of_a_message_are_settled_at_once() -> None:
    ada, *others = people("ada", *(f"p{n:02}" for n in range(50)))
    conversation_id = group(ada, *others)
    message = send(others[0], conversation_id, "rude words")
    made = [report_by(who, message)[0] for who in others[1:]]
    _decide(ada, made[0], "dismissed")
    assert _queue(ada, conversation_id) == []
    assert "rude words" not in str(rows("reports"))


def test_of_two_admins_who_decide_otherwise_at_once_one_does() -> None:
    conversation_id, message, (ada, bob, _) = _scene()
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=bob.user_id, role="admin")
    made, _ = report_by(bob, message)
    with ThreadPoolExecutor(2) as threads:
        results = list(
            threads.map(
                lambda each: outcome(lambda: _decide(each[0], made, each[1])["state"]),
                [(ada, "resolved"), (bob, "dismissed")],
            )
        )
    (decided,) = _queue(ada, conversation_id, is_open=False)
    assert sorted(results) == sorted([decided["state"], "conflict"])
    with pytest.raises(Conflict):
        _decide(ada, made, "resolved" if decided["state"] == "dismissed" else "dismissed")


@pytest.mark.parametrize("report_id", ["rep_01aaaaaaaaaaaaaaaaaaaaaaaa", "by#x", "x"])
def test_an_unknown_report_is_not_found(report_id: str) -> None:
    conversation_id, _, (ada, *_others) = _scene()
    with pytest.raises(NotFound):
        moderation.decide(
            caller=ada,
            conversation_id=conversation_id,
            report_id=report_id,
            decision="resolved",
            delete_message=False,
        )


def test_admins_devices_are_told_but_not_whose_message_it_is(management: Management) -> None:
    conversation_id, message, everybody = _scene()
    ada, bob, cyd = everybody
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=cyd.user_id, role="admin")
    for who in everybody:
        open_socket(who)
    made, _ = report_by(bob, message)
    _decide(ada, made, "resolved")
    assert management.kinds(ada.user_id) == ["report.created", "report.updated"]
    told = management.frames(ada.user_id)[0]
    assert (told["conversation_id"], told["data"]["message"]["text"]) == (conversation_id, "rude words")
    assert (management.kinds(bob.user_id), management.kinds(cyd.user_id)) == ([], [])
