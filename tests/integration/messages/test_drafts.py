"""Drafts: one per person and conversation, the one written last, seen by nobody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conversations import service
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound
from messages.model import Draft
from messages.unsent import drafts
from tests.integration.following import settle_losses
from tests.integration.rooms import group, open_socket, people, remove
from tests.management import Management
from tests.tools import rows


def _keep(who: Caller, conversation_id: str, text: str = "unsaid", **fields: Any) -> Draft:
    given = {"reply_to": None, "thread_root": None, "written_at": None, **fields}
    return drafts.keep(caller=who, conversation_id=conversation_id, text=text, **given)


def _get(who: Caller, conversation_id: str) -> Draft:
    return drafts.get(caller=who, conversation_id=conversation_id)


def test_a_draft_is_kept_until_it_is_cleared() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    with clock.held(clock.now()):
        kept = _keep(ada, conversation_id, "unsaid", reply_to="msg_1", thread_root="msg_2")
        assert kept == Draft(conversation_id, "unsaid", "msg_1", "msg_2", clock.now())
    assert _get(ada, conversation_id) == kept
    drafts.clear(caller=ada, conversation_id=conversation_id)
    with pytest.raises(NotFound):
        _get(ada, conversation_id)


def test_nobody_else_sees_it(management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    for who in (ada, bob):
        open_socket(who)
    _keep(ada, conversation_id)
    with pytest.raises(NotFound):
        _get(bob, conversation_id)
    assert drafts.list_drafts(caller=bob, limit=50, page=None).items == []
    assert management.frames(bob.user_id) == []


def test_one_s_own_devices_are_told(management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    for name in ("phone", "desk"):
        open_socket(ada, name)
    _keep(ada, conversation_id)
    drafts.clear(caller=ada, conversation_id=conversation_id)
    for name in ("phone", "desk"):
        kept, cleared = management.frames(name)
        assert (kept["type"], kept["conversation_id"], kept["data"]["text"]) == (
            "draft.updated",
            conversation_id,
            "unsaid",
        )
        assert (cleared["type"], cleared["data"]["text"]) == ("draft.updated", None)
        assert "seq" not in kept


def test_the_one_written_last_stays_whichever_comes_last(management: Management) -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    open_socket(ada, "phone")
    now = clock.now()
    later = _keep(ada, conversation_id, "later", written_at=now - 1_000)
    assert _keep(ada, conversation_id, "earlier", written_at=now - 2_000) == later
    assert _get(ada, conversation_id).text == "later"
    assert len(management.frames("phone")) == 1


def test_a_cleared_draft_does_not_come_back_from_a_slow_device() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    with clock.held(clock.now()) as advance:
        drafts.clear(caller=ada, conversation_id=conversation_id)
        assert _keep(ada, conversation_id, "old", written_at=clock.now() - 1).text is None
        with pytest.raises(NotFound):
            _get(ada, conversation_id)
        advance(1)
        assert _keep(ada, conversation_id, "new").text == "new"


def test_a_clock_that_runs_ahead_does_not_win_for_ever() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    with clock.held(clock.now()) as advance:
        assert _keep(ada, conversation_id, "ahead", written_at=clock.now() + clock.DAY).written_at == clock.now()
        advance(1)
        _keep(ada, conversation_id, "mine")
    assert _get(ada, conversation_id).text == "mine"


def test_of_many_at_once_one_stays() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    now = clock.now()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: _keep(ada, conversation_id, str(n), written_at=now - n), range(8)))
    assert _get(ada, conversation_id).text == "0"
    assert len(rows("drafts")) == 1


def test_all_drafts_are_listed_the_latest_first_and_none_of_where_one_is_out() -> None:
    ada, bob = people("ada", "bob")
    tea, rum, left, cleared = (group(bob, ada, name=name) for name in ("tea", "rum", "left", "cleared"))
    now = clock.now()
    for number, conversation_id in enumerate((tea, rum, left, cleared)):
        _keep(ada, conversation_id, str(number), written_at=now - 100 + number)
    drafts.clear(caller=ada, conversation_id=cleared)
    remove(bob, left, ada)
    assert [draft.conversation_id for draft in drafts.list_drafts(caller=ada, limit=50, page=None).items] == [rum, tea]
    with pytest.raises(NotFound):
        _get(ada, left)


def test_drafts_come_in_pages_each_once() -> None:
    (ada,) = people("ada")
    rooms = [group(ada, name=str(n)) for n in range(5)]
    with clock.held(clock.now()):
        for conversation_id in rooms:
            _keep(ada, conversation_id)  # all in one millisecond
    listed: list[str] = []
    page: str | None = None
    while not listed or page is not None:
        found = drafts.list_drafts(caller=ada, limit=2, page=page)
        listed += [draft.conversation_id for draft in found.items]
        page = found.next_cursor
    assert sorted(listed) == sorted(rooms)
    assert drafts.list_drafts(caller=ada, limit=5, page=None).next_cursor is None


def test_nothing_is_kept_for_an_encrypted_conversation() -> None:
    (ada,) = people("ada")
    with pytest.raises(Forbidden) as refusal:
        _keep(ada, group(ada, settings={"encrypted": True}), "c4n4ry")
    assert refusal.value.stable_code == "encrypted_conversation"
    assert rows("drafts") == []


def test_a_conversation_that_becomes_encrypted_leaves_no_draft_on_the_server() -> None:
    """R56: the text is on the devices, which send it encrypted."""
    ada, bob = people("ada", "bob")
    tea, rum = group(ada, bob), group(ada)
    for who in (ada, bob):
        _keep(who, tea, "c4n4ry")
    kept = _keep(ada, rum)
    service.change(caller=ada, conversation_id=tea, fields={"settings": {"encrypted": True}})
    with pytest.raises(NotFound):  # at once
        _get(ada, tea)
    assert drafts.list_drafts(caller=ada, limit=50, page=None).items == [kept]
    settle_losses()
    assert "c4n4ry" not in str(rows("drafts"))
    service.change(caller=ada, conversation_id=rum, fields={"name": "Rum"})  # ends nothing
    settle_losses()
    assert _get(ada, rum) == kept


def test_a_stranger_has_no_draft() -> None:
    ada, eve = people("ada", "eve")
    conversation_id = group(ada)
    for call in (_keep, _get):
        with pytest.raises(NotFound):
            call(eve, conversation_id)
    with pytest.raises(NotFound):
        drafts.clear(caller=eve, conversation_id=conversation_id)
