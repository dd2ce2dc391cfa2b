from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import pytest

from audit import service, store
from audit.model import AuditFilter, Entry
from infra import verify_audit
from kernel import clock, origin
from kernel.errors import InvalidCursor
from kernel.transactions import Transaction

START = 1_795_000_000_000


def listed(**wanted: Any) -> list[Entry]:
    return service.entries(reader="usr_admin", wanted=AuditFilter(**wanted), limit=100, after=None).items


def whole() -> list[dict[str, Any]]:
    return [{**entry.content, "hash": entry.hash} for entry in reversed(listed())]


def test_acts_are_listed_newest_first_with_the_address_they_came_from() -> None:
    with origin.called_from("192.0.2.9"):
        service.record("user.banned", actor="usr_a", target="usr_b", details={"reason": "spam"})
    service.record("user.unbanned", actor="usr_a", target="usr_b")

    newest, oldest = listed()

    assert (newest.n, newest.action, newest.ip) == (2, "user.unbanned", None)
    assert (oldest.n, oldest.ip, oldest.details) == (1, "192.0.2.9", {"reason": "spam"})


def test_an_act_of_a_transaction_is_recorded_with_it_or_not_at_all() -> None:
    transaction = Transaction()
    service.stage(transaction, "totp.enabled", actor="usr_a")
    assert listed() == []
    transaction.commit()
    assert [each.action for each in listed()] == ["totp.enabled"]


def test_acts_at_once_get_each_a_number_of_their_own_in_one_unbroken_chain() -> None:
    def act(n: int) -> None:
        service.record("sign_in.refused", actor=None, target=f"usr_{n}")
        service.chain_pending()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(act, range(60)))

    proof = service.proof()
    verify_audit.check(whole(), asdict(proof))
    assert (proof.first, proof.last) == (1, 60)
    assert {each.target for each in listed()} == {f"usr_{n}" for n in range(60)}
    assert store.pending() == []


def test_more_acts_than_fit_one_transaction_are_chained() -> None:
    for n in range(store.CHAINED_AT_ONCE * 2 + 1):
        service.record("sign_in.refused", actor=None, target=f"usr_{n}")
    assert service.chain_pending() == store.CHAINED_AT_ONCE * 2 + 1


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"actor": "usr_a"}, [3, 1]),
        ({"target": "usr_b"}, [2, 1]),
        ({"action": "two"}, [3, 2]),
        ({"actor": "usr_a", "action": "one"}, [1]),
        ({"actor": "usr_a", "target": "usr_c"}, [3]),
        ({"since": START + 1_000}, [3, 2]),
        ({"until": START + 1_000}, [1]),
        ({"actor": "usr_nobody"}, []),
    ],
)
def test_entries_are_found_by_who_what_whom_and_when(wanted: dict[str, Any], found: list[int]) -> None:
    with clock.held(START) as advance:
        for actor, action, target in (
            ("usr_a", "one", "usr_b"),
            ("usr_b", "two", "usr_b"),
            ("usr_a", "two", "usr_c"),
        ):
            service.record(action, actor=actor, target=target)
            advance(1_000)
        assert [each.n for each in listed(**wanted)] == found


def test_pages_have_every_entry_once_and_their_cursor_is_the_readers() -> None:
    with clock.held(START) as advance:
        for n in range(7):  # acts of the same millisecond have no order
            service.record("one" if n % 2 else "two", actor="usr_a")
            advance(1)
    pages, after = [], None
    while True:
        page = service.entries(reader="usr_admin", wanted=AuditFilter(action="two"), limit=2, after=after)
        pages.append([each.n for each in page.items])
        after = page.next_cursor
        if after is None:
            break
    assert pages == [[7, 5], [3, 1]]
    first = service.entries(reader="usr_admin", wanted=AuditFilter(), limit=2, after=None)
    with pytest.raises(InvalidCursor):
        service.entries(reader="usr_other", wanted=AuditFilter(), limit=2, after=first.next_cursor)


def test_entries_end_after_their_days_and_the_rest_is_still_proved() -> None:
    with clock.held(START) as advance:
        service.record("old", actor=None)
        service.chain_pending()
        advance(400 * clock.DAY)
        service.record("new", actor=None)

        kept, proof = whole(), service.proof()

        assert [each["action"] for each in kept] == ["new"]
        assert (proof.first, proof.last) == (2, 2)
        verify_audit.check(kept, asdict(proof))


def test_the_proof_of_an_empty_log_has_no_entries() -> None:
    proof = service.proof()
    assert (proof.first, proof.last, proof.head_hash) == (1, 0, "0" * 64)
