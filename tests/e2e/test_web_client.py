"""Two people in two windows of the web client: they register, chat, vote, share a file and call each other."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e.histories.web_host import missing
from tests.e2e.tools import eventually

CHROMIUM = shutil.which("chromium")
PATIENCE_MS = 20_000
SHOWN = "[...document.querySelectorAll('.screens video')].filter((each) => each.videoWidth > 0).length"
PASSWORD = "correct horse battery staple"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(missing() is not None, reason=f"the web client cannot be built: {missing()}"),
]
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with (
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))) as browser,
    ):
        yield browser


class Window:
    """One person's browser with the web client open, and what went wrong in its console."""

    def __init__(self, browser: Browser, url: str, name: str) -> None:
        self.name = name
        self.username = f"{name.lower()}_{secrets.token_hex(4)}"
        self.wrong: list[str] = []
        self.context: BrowserContext = browser.new_context(locale="en-GB", permissions=["camera", "microphone"])
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._heard)
        self.page.goto(url)

    def _heard(self, message: Any) -> None:
        if "Content Security Policy" in message.text or "TrustedHTML" in message.text:
            self.wrong.append(message.text)

    def register(self) -> None:
        page = self.page
        page.get_by_role("button", name="I have no account yet").click()
        page.get_by_label("Your name").fill(self.name)
        page.get_by_label("Username").fill(self.username)
        page.get_by_label("E-mail address").fill(f"{self.username}@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Make an account").click()
        expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()

    def talk_to(self, other: Window) -> None:
        self.page.get_by_role("button", name="New conversation").click()
        self.page.get_by_label("Find people by name").fill(other.username)
        self.page.get_by_role("checkbox", name=re.compile(other.username)).check()
        self.page.get_by_role("button", name="Begin").click()
        expect(self.page.get_by_role("heading", name=other.name)).to_be_visible()

    def open(self, other: Window) -> None:
        self.page.get_by_role("navigation").get_by_role("button", name=re.compile(other.name)).click()

    def say(self, text: str) -> None:
        self.page.get_by_label("Write a message").fill(text)
        self.page.get_by_label("Write a message").press("Enter")

    def message(self, text: str) -> Any:
        return self.page.get_by_role("log").get_by_role("article").filter(has_text=text)

    def sees(self, people: int) -> bool:
        """Whether so many pictures move in the call."""
        return bool(self.page.evaluate(SHOWN) == people)

    def close(self) -> None:
        self.context.close()


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
    bob.say("Hello Ada")
    expect(ada.message("Hello Ada")).to_be_visible()

    # and react, edit and reply
    ada.message("Hello Ada").hover()
    ada.message("Hello Ada").get_by_role("button", name="React with 👍").first.click()
    expect(bob.message("Hello Ada").get_by_role("button", name="React with 👍", pressed=False).first).to_be_visible()
    ada.message("Hello Bob").hover()
    ada.message("Hello Bob").get_by_role("button", name="Edit").click()
    ada.say("Hello dear Bob")
    expect(bob.message("Hello dear Bob")).to_contain_text("edited")

    # and vote
    ada.page.get_by_role("button", name="Ask a poll").click()
    ada.page.get_by_label("Question").fill("Lunch?")
    ada.page.get_by_label("Option 1").fill("Soup")
    ada.page.get_by_label("Option 2").fill("Salad")
    ada.page.get_by_role("button", name="Ask", exact=True).click()
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
        eventually(partial(window.sees, 2), within_s=PATIENCE_MS / 1000)
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
    ada.page.get_by_role("button", name="Make").click()
    ada.page.get_by_role("button", name="Plans", exact=True).click()
    ada.page.locator("input[type=file]").set_input_files(path)

    expect(ada.page.get_by_role("button", name=re.compile(r"plan\.txt"))).to_have_count(2)


def test_a_wrong_password_is_told_and_nothing_typed_is_lost(browser: Browser, endpoints: dict[str, str]) -> None:
    with closing(Window(browser, endpoints["web_url"], "Cyd")) as cyd:
        cyd.page.get_by_label("Username or e-mail address").fill("nobody_at_all")
        cyd.page.get_by_label("Password").fill("not the one")
        cyd.page.get_by_role("button", name="Sign in", exact=True).click()

        expect(cyd.page.get_by_role("alert")).to_contain_text("do not belong together")
        expect(cyd.page.get_by_label("Username or e-mail address")).to_have_value("nobody_at_all")
        assert cyd.wrong == []
