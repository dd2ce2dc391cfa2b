"""Two people in two windows of the web client: they register, chat, vote, share a file and call each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.people import Person, new_ada, new_bob
from tests.e2e.tools import eventually
from tests.e2e.web.windows import PATIENCE_MS, Window, needs_a_browser, window_of

SHOWN = "[...document.querySelectorAll('.screens video')].filter((each) => each.videoWidth > 0).length"

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob


def _sees(window: Window, people: int) -> bool:
    """Whether the call shows this many moving pictures."""
    return bool(window.page.evaluate(SHOWN) == people)


@pytest.fixture
def windows(browser: Browser, endpoints: dict[str, str]) -> Iterator[tuple[Window, Window]]:
    url = endpoints["web_url"]
    with closing(Window(browser, url, "Ada")) as ada, closing(Window(browser, url, "Bob")) as bob:
        ada.register()
        bob.register()
        ada.talk_to(bob)
        yield ada, bob
        assert (ada.wrong, bob.wrong) == ([], [])


def test_two_people_chat_vote_and_share_a_file(windows: tuple[Window, Window], tmp_path: Path) -> None:
    ada, bob = windows

    # when they chat
    ada.say("Hello **Bob**")
    bob.open(ada)
    expect(bob.message("Hello Bob").locator("strong")).to_have_text("Bob")
    bob.say("> Welcome **back**\nHello Ada\n- soup\n- salad")
    expect(ada.message("Hello Ada").get_by_role("blockquote")).to_have_text("Welcome back")
    expect(ada.message("Hello Ada").get_by_role("listitem")).to_have_text(["soup", "salad"])

    # and react, edit and reply
    ada.message("Hello Ada").hover()
    ada.message("Hello Ada").get_by_role("button", name="React with 👍").first.click()
    expect(bob.message("Hello Ada").get_by_role("button", name="React with 👍", pressed=False).first).to_be_visible()
    ada.message("Hello Bob").hover()
    ada.message("Hello Bob").get_by_role("button", name="Edit").click()
    ada.say("Hello dear Bob")
    expect(bob.message("Hello dear Bob")).to_contain_text("edited")

    # and vote
    ada.page.get_by_role("button", name="Create a poll").click()
    ada.page.get_by_label("Question").fill("Lunch?")
    ada.page.get_by_label("Option 1").fill("Soup")
    ada.page.get_by_label("Option 2").fill("Salad")
    ada.page.get_by_role("button", name="Create", exact=True).click()
    bob.page.get_by_role("radio", name="Soup").click()
    expect(bob.page.get_by_role("radio", name="Soup")).to_be_checked()
    expect(ada.page.get_by_role("group", name="Lunch?")).to_contain_text("1 vote")

    # and share a file
    path = tmp_path / "notes.txt"
    path.write_text("one, two, three")
    ada.page.locator("input[type=file]").set_input_files(path)
    expect(ada.page.locator(".composer").get_by_text("notes.txt")).to_be_visible()
    expect(ada.page.locator(".composer progress")).to_have_count(0)
    ada.say("the notes")
    with bob.page.expect_download() as downloading:
        bob.message("the notes").get_by_role("button", name=re.compile("notes.txt")).click()
    assert Path(downloading.value.path()).read_text() == "one, two, three"

    # then a reload shows all of it again, without signing in
    bob.page.reload()
    bob.open(ada)
    expect(bob.message("the notes")).to_be_visible()


def test_a_call_rings_is_answered_shows_both_and_ends_for_both(windows: tuple[Window, Window]) -> None:
    ada, bob = windows
    ada.say("hello")
    bob.open(ada)
    expect(bob.message("hello")).to_be_visible()

    ada.page.get_by_role("button", name="Video call").click()
    expect(bob.page.get_by_role("alertdialog", name="Ada is calling")).to_be_visible()
    bob.page.get_by_role("button", name="Answer").click()

    for window in (ada, bob):
        eventually(partial(_sees, window, 2), within_s=PATIENCE_MS / 1000)
    ada.page.get_by_role("button", name="Leave").click()
    bob.page.get_by_role("button", name="Leave").click()
    expect(ada.page.get_by_role("dialog", name="Call")).to_be_hidden()
    expect(bob.page.get_by_role("dialog", name="Call")).to_be_hidden()


def test_a_folder_is_made_and_a_file_put_into_it(windows: tuple[Window, Window], tmp_path: Path) -> None:
    ada, _ = windows
    path = tmp_path / "plan.txt"
    path.write_text("plan")

    ada.page.get_by_role("button", name="Drive").click()
    ada.page.get_by_role("button", name="New folder").click()
    ada.page.get_by_label("Name of the folder").fill("Plans")
    ada.page.get_by_role("button", name="Create", exact=True).click()
    ada.page.get_by_role("button", name="Plans", exact=True).click()
    ada.page.locator("input[type=file]").set_input_files(path)

    expect(ada.page.get_by_role("button", name=re.compile(r"plan\.txt"))).to_have_count(3)


def test_two_people_ask_decline_accept_and_remove_each_other_and_one_blocks_the_other(
    browser: Browser, endpoints: dict[str, str], ada: Person, bob: Person
) -> None:
    with window_of(browser, endpoints, ada) as hers, window_of(browser, endpoints, bob) as his:
        for page in (hers.page, his.page):
            page.get_by_role("button", name="Contacts", exact=True).click()
            expect(page.get_by_text("No contacts yet.")).to_be_visible()

        # when Ada finds Bob and asks, Bob sees it at once and declines
        hers.page.get_by_label("Find people by name").fill(bob.username)
        hers.page.get_by_role("button", name="Add contact: Bob").click()
        asked = his.page.get_by_role("region", name="Requests to you")
        asked.get_by_role("button", name="Decline: Ada").click()
        expect(asked).to_have_count(0)
        assert bob.ok("GET", "/contacts")["items"] == []

        # she withdraws and asks again by the keyboard, and he accepts
        again = hers.page.get_by_role("button", name="Withdraw request: Bob")
        again.press("Enter")
        expect(hers.page.get_by_role("button", name="Add contact: Bob")).to_be_focused()
        hers.page.keyboard.press("Enter")
        expect(again).to_be_focused()
        asked.get_by_role("button", name="Accept: Ada").press("Enter")
        contacts = his.page.get_by_role("region", name="Contacts").get_by_role("region", name="Contacts")
        expect(contacts.get_by_role("button", name="Write a message: Ada")).to_be_visible()
        expect(his.page.get_by_label("Find people by name")).to_be_focused()  # its row has gone elsewhere
        assert [each["state"] for each in ada.ok("GET", "/contacts")["items"]] == ["accepted"]

        # he removes her
        contacts.get_by_role("button", name="Remove: Ada").click()
        his.page.get_by_role("dialog").get_by_role("button", name="Remove: Ada").click()
        expect(contacts).to_have_count(0)
        assert ada.ok("GET", "/contacts")["items"] == []

        # he blocks her, whom the conversations that he may begin offer still, and takes it back
        his.page.get_by_label("Find people by name").fill(ada.username)
        his.page.get_by_role("button", name="Block: Ada").click()
        his.page.get_by_role("dialog").get_by_role("button", name="Block: Ada").click()
        expect(his.page.get_by_role("button", name="Unblock: Ada")).to_be_visible()
        assert ada.call("POST", f"/contacts/{bob.id}").status_code == 404
        his.page.get_by_label("Find people by name").fill("")
        blocked = his.page.get_by_role("region", name="Blocked people")
        blocked.get_by_role("button", name="Unblock: Ada").click()
        expect(blocked).to_have_count(0)
        assert bob.ok("GET", "/users/me/blocks")["items"] == []

        # a new conversation is offered with contacts, and makes somebody one
        his.page.get_by_role("button", name="New conversation").click()
        his.page.get_by_label("Find people by name").fill(ada.username)
        his.page.get_by_role("button", name="Add contact: Ada").click()
        expect(his.page.get_by_role("button", name="Withdraw request: Ada")).to_be_visible()
        ada.ok("POST", f"/contacts/{bob.id}/accept")


def test_a_wrong_password_is_told_and_nothing_typed_is_lost(browser: Browser, endpoints: dict[str, str]) -> None:
    with closing(Window(browser, endpoints["web_url"], "Cyd")) as cyd:
        cyd.page.get_by_label("Username or e-mail address").fill("nobody_at_all")
        cyd.page.get_by_label("Password").fill("not the one")
        cyd.page.get_by_role("button", name="Sign in", exact=True).click()

        expect(cyd.page.get_by_role("alert")).to_contain_text("password is incorrect")
        expect(cyd.page.get_by_label("Username or e-mail address")).to_have_value("nobody_at_all")
        assert cyd.wrong == []
