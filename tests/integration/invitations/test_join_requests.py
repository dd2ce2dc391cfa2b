"""Requests to join a group, and their approval or decline by admins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conversations import joining, members, service
from invitations import requests, store
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Conflict, Forbidden, NotFound
from kernel.transactions import Transaction
from tests.integration.invitations.test_invitations import T0, accept, link, outcome
from tests.integration.rooms import add, group, open_socket, people, remove, seen, whole_log
from tests.management import Management
from tests.tools import rows
from users import api as users


def _asked(*names: str) -> tuple[str, dict[str, Any], list[Caller]]:
    """A group of ada's, a link that needs approval, and ada with the people who have requested to join by it."""
    ada, *others = people("ada", *names)
    conversation_id = group(ada)
    made = link(ada, conversation_id, needs_approval=True)
    for other in others:
        assert accept(other, made) == ("requested", True)
    return conversation_id, made, [ada, *others]


def _pending(who: Caller, conversation_id: str, **page: Any) -> list[str]:
    asked = {"limit": 50, "after": None, **page}
    return [
        each["user"].username
        for each in requests.list_join_requests(caller=who, conversation_id=conversation_id, **asked).items
    ]


def _approve(who: Caller, conversation_id: str, other: Caller) -> dict[str, Any]:
    return requests.approve(caller=who, conversation_id=conversation_id, user_id=other.user_id)


def _end(who: Caller, conversation_id: str, other: Caller) -> None:
    requests.end(caller=who, conversation_id=conversation_id, user_id=other.user_id)


def test_who_asks_is_not_in_and_asking_again_changes_nothing() -> None:
    conversation_id, made, (ada, bob) = _asked("bob")
    assert accept(bob, made) == ("requested", False)
    assert _pending(ada, conversation_id) == ["bob"]
    with pytest.raises(NotFound):
        service.get(caller=bob, conversation_id=conversation_id)
    assert len(whole_log(conversation_id)) == 1


def test_who_is_approved_is_in_by_the_admin_s_hand() -> None:
    conversation_id, made, (ada, bob) = _asked("bob")
    assert _approve(ada, conversation_id, bob)["user"].username == "bob"
    (event,) = seen(bob, conversation_id)
    assert (event["type"], event["actor_id"]) == ("member.added", ada.user_id)
    assert _pending(ada, conversation_id) == []
    assert accept(bob, made) == ("joined", False)


def test_approving_again_is_fine_and_what_nobody_asked_is_not_found() -> None:
    conversation_id, _, (ada, bob) = _asked("bob")
    for _ in range(2):
        _approve(ada, conversation_id, bob)
    (eve,) = people("eve")
    with pytest.raises(NotFound):
        _approve(ada, conversation_id, eve)


def test_a_declined_request_is_gone_and_may_be_made_again() -> None:
    conversation_id, made, (ada, bob) = _asked("bob")
    _end(ada, conversation_id, bob)
    with pytest.raises(NotFound):
        _end(ada, conversation_id, bob)
    with pytest.raises(NotFound):
        _approve(ada, conversation_id, bob)
    assert accept(bob, made) == ("requested", True)


def test_a_request_can_be_withdrawn_by_who_made_it() -> None:
    conversation_id, _, (ada, bob, cyd) = _asked("bob", "cyd")
    with pytest.raises(NotFound):
        _end(bob, conversation_id, cyd)
    _end(bob, conversation_id, bob)
    assert _pending(ada, conversation_id) == ["cyd"]
    with pytest.raises(NotFound):
        _end(bob, conversation_id, bob)


def test_requests_are_for_admins() -> None:
    conversation_id, _, (ada, bob) = _asked("bob")
    (cyd,) = people("cyd")
    add(ada, conversation_id, cyd)
    for act in (
        lambda: _pending(cyd, conversation_id),
        lambda: _approve(cyd, conversation_id, bob),
        lambda: _end(cyd, conversation_id, bob),
    ):
        with pytest.raises(Forbidden):
            act()


def test_a_request_lapses_though_its_row_is_still_there() -> None:
    with clock.held(T0) as advance:
        conversation_id, _, (ada, bob) = _asked("bob")
        advance(30 * clock.DAY)
        assert _pending(ada, conversation_id) == []
        with pytest.raises(NotFound):
            _approve(ada, conversation_id, bob)
        made = link(ada, conversation_id, needs_approval=True)
        assert accept(bob, made) == ("requested", True)


def test_who_came_in_otherwise_asks_no_more() -> None:
    conversation_id, _, (ada, bob) = _asked("bob")
    add(ada, conversation_id, bob)
    assert _pending(ada, conversation_id) == []
    remove(bob, conversation_id, bob)
    assert _pending(ada, conversation_id) == []


def test_the_banned_do_not_ask_but_an_approval_forgives() -> None:
    conversation_id, made, (ada, bob, cyd) = _asked("bob", "cyd")
    add(ada, conversation_id, bob)
    remove(ada, conversation_id, bob)
    _approve(ada, conversation_id, bob)  # had asked before
    assert members.bans(caller=ada, conversation_id=conversation_id, limit=50, after=None).items == []
    _approve(ada, conversation_id, cyd)
    remove(ada, conversation_id, cyd)
    assert outcome(lambda: accept(cyd, made)) == "banned"


def test_a_full_group_approves_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation_id, _, (ada, bob) = _asked("bob")
    monkeypatch.setattr(joining, "MAX_MEMBERS", 1)
    with pytest.raises(Conflict) as refusal:
        _approve(ada, conversation_id, bob)
    assert refusal.value.stable_code == "group_full"
    assert _pending(ada, conversation_id) == ["bob"]


def test_two_admins_who_approve_at_once_let_somebody_in_once() -> None:
    conversation_id, _, (ada, bob, cyd) = _asked("bob", "cyd")
    _approve(ada, conversation_id, cyd)
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=cyd.user_id, role="admin")
    with ThreadPoolExecutor(2) as threads:
        shown = list(threads.map(lambda who: _approve(who, conversation_id, bob), [ada, cyd]))
    assert [each["user"].username for each in shown] == ["bob", "bob"]
    assert [entry.type for entry in whole_log(conversation_id)].count("member.added") == 2


def test_who_is_let_in_while_another_admin_looks_is_let_in_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation_id, _, (ada, bob) = _asked("bob")
    # given an admin whose look at the request comes just after another one's approval
    find = store.request

    def late(*given: Any) -> Any:
        monkeypatch.setattr(store, "request", find)
        _approve(ada, conversation_id, bob)
        return find(*given)

    monkeypatch.setattr(store, "request", late)
    assert _approve(ada, conversation_id, bob)["user"].username == "bob"


def test_approving_and_withdrawing_at_once_has_one_outcome() -> None:
    conversation_id, _, (ada, bob) = _asked("bob")
    with ThreadPoolExecutor(2) as threads:
        approving = threads.submit(outcome, lambda: _approve(ada, conversation_id, bob)["role"])
        withdrawing = threads.submit(outcome, lambda: _end(bob, conversation_id, bob))
    inside = any(row["user_id"] == bob.user_id for row in rows("members"))
    assert (approving.result(), withdrawing.result(), inside) in (
        ("member", "not_found", True),
        ("not_found", "None", False),
    )


def test_nobody_who_is_being_erased_is_listed_or_let_in() -> None:
    conversation_id, _, (ada, bob, _) = _asked("bob", "cyd")
    transaction = Transaction()
    users.schedule_erasure_in(transaction, user_id=bob.user_id, erased_at=clock.now())
    transaction.commit()
    with pytest.raises(NotFound):
        _approve(ada, conversation_id, bob)
    assert _pending(ada, conversation_id) == ["cyd"]
    assert service.get(caller=ada, conversation_id=conversation_id)["member_count"] == 1
    _end(ada, conversation_id, bob)  # an admin who still sees it may decline


def test_requests_come_in_pages() -> None:
    conversation_id, _, (ada, *_others) = _asked(*(f"p{n}" for n in range(5)))
    found: list[str] = []
    after: str | None = None
    for _ in range(3):
        page = requests.list_join_requests(caller=ada, conversation_id=conversation_id, limit=2, after=after)
        found += [each["user"].username for each in page.items]
        after = page.next_cursor
    assert (sorted(found), after) == ([f"p{n}" for n in range(5)], None)


def test_admins_devices_are_told_of_requests_and_nobody_else_s(management: Management) -> None:
    ada, bob, cyd, eve = people("ada", "bob", "cyd", "eve")
    conversation_id = group(ada, bob, cyd)
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=bob.user_id, role="admin")
    made = link(ada, conversation_id, needs_approval=True)
    for who in (ada, bob, cyd, eve):
        open_socket(who)
    accept(eve, made)
    _end(bob, conversation_id, eve)
    accept(eve, made)
    _approve(ada, conversation_id, eve)
    for who in (ada, bob):
        told = [frame for frame in management.frames(who.user_id) if frame["type"].startswith("join_request")]
        assert [(each["type"], each["data"]["state"]) for each in told] == [
            ("join_request.created", "pending"),
            ("join_request.updated", "declined"),
            ("join_request.created", "pending"),
            ("join_request.updated", "approved"),
        ]
        assert (told[0]["conversation_id"], told[0]["data"]["user"]["username"]) == (conversation_id, "eve")
    for who in (cyd, eve):
        assert "join_request.created" not in management.kinds(who.user_id)
