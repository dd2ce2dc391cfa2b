"""What grows with everything that somebody has is read in portions, and so much a minute at the most."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conversations import listings, read_work, service, store, sync
from conversations.model import Member
from conversations.record_store import save_members
from kernel import aws, clock
from kernel.caller import Caller
from kernel.errors import RateLimited
from kernel.limiter import Limit, LimitExceeded
from search import messages as source
from search import model
from search import service as search
from search import store as index
from tests.integration.following import follow
from tests.integration.rooms import group, people, send

MANY = 24


@pytest.fixture
def ada() -> Caller:
    return people("ada")[0]


def _groups(who: Caller, count: int = MANY) -> list[str]:
    """Groups in the order of their activity, the latest first: an older one has been written in since."""
    with clock.held(clock.now()) as advance:
        made = []
        for _ in range(count):
            made.append(group(who))
            advance(10)
        send(who, made[3], "hello")
    return [made[3], *(each for each in reversed(made) if each != made[3])]


def _pages(who: Caller, *, limit: int, archived: bool | None = None) -> list[list[str]]:
    found: list[list[str]] = []
    cursor: str | None = None
    while True:
        page = service.list_conversations(caller=who, limit=limit, after=cursor, archived=archived)
        found.append([each["id"] for each in page.items])
        cursor = page.next_cursor
        if cursor is None:
            return found


@contextmanager
def _counted_reads() -> Iterator[list[int]]:
    """How many records each batch asks for."""
    events, asked = aws.client("dynamodb").meta.events, list[int]()

    def count(params: dict[str, dict[str, dict[str, list[object]]]], **_: object) -> None:
        asked.append(sum(len(table["Keys"]) for table in params["RequestItems"].values()))

    events.register("before-parameter-build.dynamodb.BatchGetItem", count)
    try:
        yield asked
    finally:
        events.unregister("before-parameter-build.dynamodb.BatchGetItem", count)


@pytest.mark.parametrize("limit", [1, 5, 23, 24, 25, 100])
def test_pages_of_any_size_hold_all_conversations_once_in_the_order_of_their_activity(ada: Caller, limit: int) -> None:
    expected = _groups(ada)
    pages = _pages(ada, limit=limit)
    assert [each for page in pages for each in page] == expected
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)


def test_a_page_reads_the_heads_of_all_and_the_rest_of_its_own_alone(ada: Caller) -> None:
    _groups(ada)
    with _counted_reads() as asked:
        service.list_conversations(caller=ada, limit=5, after=None)
    heads, page, *_ = asked
    assert (heads, page) == (MANY, 3 * 6)


def test_who_has_more_than_are_read_at_once_gets_the_youngest_and_then_the_others(
    ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    latest, *expected = _groups(ada)
    monkeypatch.setattr(listings, "CONVERSATIONS_AT_ONCE", 10)
    pages = _pages(ada, limit=4)
    assert sorted(each for page in pages for each in page) == sorted([latest, *expected])
    assert [each for page in pages[:3] for each in page] == expected[:10]
    with _counted_reads() as asked:
        service.list_conversations(caller=ada, limit=4, after=None)
    assert asked[0] == 10


def test_a_page_on_which_little_belongs_is_short_and_leads_on(ada: Caller) -> None:
    groups = _groups(ada)
    last = groups[-1]
    service.update_preferences(caller=ada, conversation_id=last, changes={"archived": True})
    pages = _pages(ada, limit=2, archived=True)
    assert [each for page in pages for each in page] == [last]
    assert pages[0] == []
    assert len(_pages(ada, limit=100, archived=True)) == 1


def test_who_has_more_read_than_a_minute_allows_waits_for_the_next(
    ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    _groups(ada)
    monkeypatch.setattr(read_work, "RECORDS_PER_UNIT", 10)
    monkeypatch.setattr(read_work, "UNITS", Limit("read_work_test", requests=20, window_s=60))
    with clock.held(clock.now() // clock.MINUTE * clock.MINUTE) as advance:
        for _ in range(2):  # 72 records each: seven units, and the request itself
            sync.missed(caller=ada, cursors={})
        with pytest.raises(LimitExceeded) as refused:
            sync.missed(caller=ada, cursors={})
        assert refused.value.retry_after_s == 60
        with pytest.raises(LimitExceeded):
            service.list_conversations(caller=ada, limit=100, after=None)
        with pytest.raises(LimitExceeded):
            source.find(ada.user_id, model.parse("hello"), below=None, limit=5)
        (bob,) = people("bob")
        assert sync.missed(caller=bob, cursors={}).conversations == []
        advance(clock.MINUTE)
        assert len(sync.missed(caller=ada, cursors={}).conversations) == MANY


def test_a_refused_read_reads_nothing(ada: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    _groups(ada)
    monkeypatch.setattr(read_work, "RECORDS_PER_UNIT", 1)
    monkeypatch.setattr(read_work, "UNITS", Limit("read_work_test", requests=1, window_s=60))
    with _counted_reads() as asked, pytest.raises(RateLimited):
        service.list_conversations(caller=ada, limit=5, after=None)
    assert asked == []


@pytest.mark.parametrize("units", [0, 3])
def test_a_search_comes_to_its_end_though_each_answer_may_read_little(
    ada: Caller, monkeypatch: pytest.MonkeyPatch, units: int
) -> None:
    rooms = [group(ada) for _ in range(12)]
    with clock.held(clock.now()) as advance:
        for n in range(36):
            advance(1)
            send(ada, rooms[n % 12], f"needle {n}", client_id=str(n))
    follow()
    monkeypatch.setattr(index, "FIRST_PAGE_ITEMS", 2)
    monkeypatch.setattr(index, "PAGE_ITEMS", 2)
    monkeypatch.setattr(source, "MAX_PAGES", 3)
    found: list[str] = []
    cursor: str | None = None
    with clock.held(clock.now() // clock.MINUTE * clock.MINUTE) as advance:
        for _ in range(100):
            monkeypatch.setattr(read_work, "UNITS", Limit("read_work_test", requests=1 + units, window_s=60))
            answer = search.find(
                user_id=ada.user_id, query=model.parse("needle"), sources=[source.find], limit=5, page=cursor
            )
            found += [each["text"] for each in answer.items]
            cursor = answer.next_cursor
            advance(clock.MINUTE)
            if cursor is None:
                break
    assert found == [f"needle {n}" for n in reversed(range(36))]


def test_a_person_with_very_many_conversations_is_read_in_batches_of_what_is_asked_at_once(
    ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"cnv_{n:026d}" for n in range(40)]
    save_members([Member(each, ada.user_id, "member", joined_at=1, visible_from=1) for each in ids])
    assert store.conversations_of(ada.user_id, limit=15) == ids[:-16:-1]
    assert store.conversations_of(ada.user_id, below=ids[5], limit=15) == ids[4::-1]
    monkeypatch.setattr(read_work, "CONVERSATIONS_AT_ONCE", 10)
    with _counted_reads() as asked:
        sync.missed(caller=ada, cursors={})
    assert asked == [30]
