"""Public links of files."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from accounts import bans
from drive import model
from drive.route_schemas import NewLink
from drive.sharing import links
from drive.sharing import service as sharing
from drive.trash import service as trash
from drive.uploads import transfers
from kernel import clock, origin
from kernel.caller import Caller
from kernel.errors import Forbidden, Gone, NotFound, Problem, ValidationFailed
from kernel.limiter import LimitExceeded
from kernel.paging import Page
from kernel.schema import parse_json
from tests.integration import desk


def _link(owner: Caller, file_id: str, **given: Any) -> str:
    fields = {"ends_at": None, "password": None, "max_downloads": None, **given}
    return str(links.create(caller=owner, file_id=file_id, **fields)["token"])


def test_a_link_ends_to_the_millisecond(cast: list[Caller]) -> None:
    ada = cast[0]
    file_id = desk.put(ada)
    with clock.held(clock.now()) as advance:
        token = _link(ada, file_id, ends_at=clock.now() + 1000)
        advance(999)
        assert links.follow(token=token, password=None)["file"]["id"] == file_id
        advance(1)
        with pytest.raises(Gone):
            links.follow(token=token, password=None)


def test_links_of_a_banned_person_end_with_the_ban_and_come_back_without_it(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    plain, closed = _link(ada, desk.put(ada)), _link(ada, desk.put(ada), password="open sesame")
    others = _link(bob, desk.put(bob))
    bans.ban(user_id=ada.user_id, by=bob.user_id, reason="malware", until=None)
    for token, password in ((plain, None), (closed, None), (closed, "wrong"), (closed, "open sesame")):
        with pytest.raises(Gone):
            links.follow(token=token, password=password)
    assert links.follow(token=others, password=None)["file"]["owner_id"] == bob.user_id

    bans.unban(user_id=ada.user_id, by=bob.user_id)
    assert links.follow(token=plain, password=None)["file"]["owner_id"] == ada.user_id
    assert links.follow(token=closed, password="open sesame")["file"]["owner_id"] == ada.user_id


def test_a_link_comes_back_when_the_ban_is_over_and_counts_no_download_before(cast: list[Caller]) -> None:
    ada = cast[0]
    token = _link(ada, desk.put(ada), max_downloads=1)
    with clock.held(clock.now()) as advance:
        bans.ban(user_id=ada.user_id, by=ada.user_id, reason="spam", until=clock.now() + clock.MINUTE)
        with pytest.raises(Gone):
            links.follow(token=token, password=None)
        advance(clock.MINUTE)
        assert links.follow(token=token, password=None)["file"]["owner_id"] == ada.user_id


def test_a_link_is_used_exactly_as_often_as_it_may(cast: list[Caller]) -> None:
    ada = cast[0]
    token = _link(ada, desk.put(ada), max_downloads=5)
    outcomes: list[str] = []

    def follow() -> None:
        try:
            links.follow(token=token, password=None)
            outcomes.append("given")
        except Gone:
            outcomes.append("gone")

    threads = [threading.Thread(target=follow) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("given") == 5


def test_a_password_has_ten_tries(cast: list[Caller]) -> None:
    ada = cast[0]
    token = _link(ada, desk.put(ada), password="open sesame", max_downloads=1)
    with pytest.raises(Forbidden):
        links.follow(token=token, password=None)
    for _ in range(10):
        with pytest.raises(Problem) as refused:
            links.follow(token=token, password="wrong")
        assert refused.value.stable_code == "password_wrong"
    with pytest.raises(LimitExceeded):
        links.follow(token=token, password="open sesame")


def test_another_address_of_the_same_network_has_no_more_tries(cast: list[Caller]) -> None:
    ada = cast[0]
    token = _link(ada, desk.put(ada), password="open sesame")
    for number in range(10):
        with origin.called_from(f"2001:db8:1:2:{number}::7"), pytest.raises(Forbidden):
            links.follow(token=token, password="wrong")
    with origin.called_from("2001:db8:1:2:abcd::1"), pytest.raises(LimitExceeded):
        links.follow(token=token, password="wrong")
    with origin.called_from("2001:db8:1:3::1"), pytest.raises(Forbidden):
        links.follow(token=token, password="wrong")


@pytest.mark.parametrize("password", ["ä" * 128, "Grüße 你好 👍", "Ã¤"])
def test_a_link_s_password_is_of_any_script_and_counts_to_its_last_character(cast: list[Caller], password: str) -> None:
    ada = cast[0]
    token = _link(ada, desk.put(ada), password=password)
    for header in (password, password.encode().decode("latin-1")):
        assert links.follow(token=token, password=header)["url"]
    for wrong in (password + "x", password[:-1], password.encode().decode("latin-1") + "x"):
        with pytest.raises(Forbidden):
            links.follow(token=token, password=wrong)


def test_who_knows_the_password_uses_up_no_tries(cast: list[Caller]) -> None:
    ada = cast[0]
    token = _link(ada, desk.put(ada), password="open sesame")
    with clock.held(clock.now()):  # the tries of one window
        for _ in range(12):
            links.follow(token=token, password="open sesame")
        for _ in range(10):
            with pytest.raises(Forbidden):
                links.follow(token=token, password="wrong")
        with pytest.raises(LimitExceeded):
            links.follow(token=token, password="open sesame")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2099-12-31", "tomorrow"])
def test_the_end_of_a_link_is_a_time_that_can_be_written(text: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        parse_json(NewLink, f'{{"expires_at": "{text}"}}')
    assert [each.field for each in refused.value.errors] == ["expires_at"]


def test_shares_and_links_come_in_pages(cast: list[Caller]) -> None:
    ada, *others = cast
    file_id = desk.put(ada)
    for other in others:
        sharing.share(
            caller=ada, node_id=file_id, file=True, user_id=other.user_id, conversation_id=None, role="viewer"
        )  # fmt: skip
        _link(ada, file_id)

    def shares(after: str | None) -> Page[dict[str, Any]]:
        return sharing.list_shares(caller=ada, node_id=file_id, file=True, limit=1, after=after)

    def all_links(after: str | None) -> Page[dict[str, Any]]:
        return links.list_links(caller=ada, file_id=file_id, limit=1, after=after)

    for read in (shares, all_links):
        found, page = [], read(None)
        found += page.items
        while page.next_cursor is not None:
            page = read(page.next_cursor)
            found += page.items
        assert len({each["id"] for each in found}) == len(found) == len(others) > 1


def test_a_link_of_a_file_that_is_gone_or_taken_back_leads_nowhere(cast: list[Caller]) -> None:
    ada = cast[0]
    file_id = desk.put(ada)
    one, other = _link(ada, file_id), _link(ada, file_id)
    listed = links.list_links(caller=ada, file_id=file_id, limit=50, after=None).items
    assert "token" not in listed[0]
    links.remove(caller=ada, file_id=file_id, link_id=listed[0]["id"])
    outcomes = []
    for token in (one, other):
        try:
            links.follow(token=token, password=None)
            outcomes.append(True)
        except NotFound:
            outcomes.append(False)
    assert sorted(outcomes) == [False, True]
    trash.remove(caller=ada, node_id=file_id, permanent=True, file=True)
    for token in (one, other, "x" * 65):
        with pytest.raises(NotFound):
            links.follow(token=token, password=None)


def test_only_ready_files_get_links_and_no_token_is_stored(cast: list[Caller]) -> None:
    from tests.tools import rows

    ada = cast[0]
    begun = desk.begin(ada)
    with pytest.raises(model.NotReady):
        _link(ada, begun["file"]["id"])
    transfers.abort(caller=ada, file_id=begun["file"]["id"])
    token = _link(ada, desk.put(ada), password="open sesame")
    stored = str(rows("drive"))
    assert token not in stored
    assert "open sesame" not in stored


def test_a_link_that_is_over_before_it_begins_is_refused(cast: list[Caller]) -> None:
    file_id = desk.put(cast[0])
    for ends_at in (0, clock.now() - 1):
        with pytest.raises(ValidationFailed, match="expires_at"):
            _link(cast[0], file_id, ends_at=ends_at)


def test_a_link_is_a_whole_address_of_the_api(cast: list[Caller]) -> None:
    with origin.called_from("203.0.113.7", "https://api.example/v1"):
        made = links.create(caller=cast[0], file_id=desk.put(cast[0]), ends_at=None, password=None, max_downloads=None)
    assert made["url"] == f"https://api.example/v1/drive/links/{made['token']}"


def test_who_guesses_a_password_keeps_nobody_elsewhere_from_the_right_one(cast: list[Caller]) -> None:
    token = _link(cast[0], desk.put(cast[0]), password="open sesame")
    with origin.called_from("198.51.100.1"):
        for _ in range(10):
            with pytest.raises(Forbidden):
                links.follow(token=token, password="wrong")
        with pytest.raises(LimitExceeded):
            links.follow(token=token, password="open sesame")
    with origin.called_from("203.0.113.7"):
        assert links.follow(token=token, password="open sesame")["url"]
