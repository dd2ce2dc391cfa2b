"""Windows of the web client: each a person's browser, in Chromium, on the deployed stack."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, WebSocketRoute, expect, sync_playwright

from tests.e2e.histories.web_host import missing
from tests.e2e.people import PASSWORD, Person

CHROMIUM = shutil.which("chromium")
PATIENCE_MS = 20_000
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
)

needs_a_browser = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(missing() is not None, reason=f"the web client cannot be built: {missing()}"),
]
expect.set_options(timeout=PATIENCE_MS)


class Window:
    """A person's browser with the web client open, and the errors in its console."""

    def __init__(self, browser: Browser, url: str, name: str, username: str = "", **settings: Any) -> None:
        self.name = name
        self.url = url
        self.username = username or f"{name.lower()}_{secrets.token_hex(4)}"
        self.wrong: list[str] = []
        self.context: BrowserContext = browser.new_context(
            **{
                "locale": "en-GB",
                "permissions": ["camera", "microphone", "clipboard-read", "clipboard-write"],
                **settings,
            }
        )
        self.page: Page = self.tab()

    def tab(self, address: str = "") -> Page:
        """Another page in the same browser."""
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", self._heard)
        page.goto(self.url + address)
        return page

    def _heard(self, message: Any) -> None:
        if "Content Security Policy" in message.text or "TrustedHTML" in message.text:
            self.wrong.append(message.text)

    def register(self, domain: str = "example.com") -> None:
        page = self.page
        page.get_by_role("button", name="I have no account yet").click()
        page.get_by_label("Your name").fill(self.name)
        page.get_by_label("Username").fill(self.username)
        page.get_by_label("E-mail address").fill(f"{self.username}@{domain}")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()
        expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()

    def sign_in(self, identifier: str = "") -> None:
        """Sign in, by the username if nothing else is given, whatever the language of the window."""
        self.page.locator("[name=identifier]").fill(identifier or self.username)
        self.page.locator("[name=password]").fill(PASSWORD)
        self.page.locator("form button.primary").click()
        expect(self.page.locator("nav.side")).to_be_visible()

    def talk_to(self, other: Window) -> None:
        self.page.get_by_role("button", name="New conversation").click()
        self.page.get_by_label("Find people by name").fill(other.username)
        self.page.get_by_role("checkbox", name=re.compile(other.username)).check()
        self.page.get_by_role("button", name="Start", exact=True).click()
        expect(self.page.get_by_role("heading", name=other.name)).to_be_visible()

    def open(self, other: Window | str) -> None:
        name = other if isinstance(other, str) else other.name
        self.page.get_by_role("navigation").get_by_role("button", name=re.compile(name)).click()

    def say(self, text: str) -> None:
        self.page.get_by_label("Write a message").fill(text)
        self.page.get_by_label("Write a message").press("Enter")

    def message(self, text: str) -> Any:
        return self.page.get_by_role("log").get_by_role("article").filter(has_text=text)

    def choose(self, text: str, *items: str) -> None:
        """Choose from the menu of the message with this text."""
        self.message(text).hover()
        self.message(text).get_by_role("button", name="More", exact=True).click()
        for item in items:
            self.page.get_by_role("menuitem", name=item).click()

    def beside(self, text: str) -> Any:
        """What shows this text in the panel beside the history."""
        return self.page.get_by_role("complementary").get_by_text(text)

    def close(self) -> None:
        self.context.close()


class Cables:
    """The sockets that a browser's pages open from now on. What is on its way when they are cut is lost.

    Playwright's `set_offline` alone keeps the frames of an open socket, and delivers them when the network is back.
    """

    def __init__(self, context: BrowserContext) -> None:
        self._whole: set[WebSocketRoute] = set()
        self._used: set[WebSocketRoute] = set()
        context.route_web_socket("**", self._lay)

    def _lay(self, page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        self._whole.add(page)
        page.on_message(lambda frame: server.send(frame) if page in self._whole else None)
        server.on_message(lambda frame: self._deliver(page, frame))

    def _deliver(self, page: WebSocketRoute, frame: str | bytes) -> None:
        if page in self._whole:
            self._used.add(page)
            page.send(frame)

    def cut(self, page: Page) -> None:
        """Cut the socket once it is in use: both ends go on to believe in it, and no frame arrives."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not self._used:
            assert time.monotonic() < deadline, "no socket is in use"
            page.wait_for_timeout(50)  # Playwright calls the handlers meanwhile
        self._whole.clear()


class Drag:
    """A pointer that drags files or a text over a page, as the system does when they come from another window."""

    def __init__(self, page: Page, *files: Path, text: str = "") -> None:
        self._devtools = page.context.new_cdp_session(page)
        items = [{"mimeType": "text/plain", "data": text}] if text else []
        self._data = {"items": items, "files": [str(each) for each in files], "dragOperationsMask": 1}

    def over(self, target: Locator) -> Drag:
        self._send("dragEnter", target)
        self._send("dragOver", target)
        return self

    def drop(self, target: Locator) -> None:
        self.over(target)._send("drop", target)

    def _send(self, kind: str, target: Locator) -> None:
        box = target.bounding_box()
        assert box is not None, "nothing can be dragged onto what is not visible"
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        self._devtools.send("Input.dispatchDragEvent", {"type": kind, **at, "data": self._data})


@contextmanager
def chromium(*more: str, without: Sequence[str] = ()) -> Iterator[Browser]:
    """Chromium with more switches, and without these of Playwright's own."""
    with (
        sync_playwright() as playwright,
        closing(
            playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *more], ignore_default_args=[*without])
        ) as browser,
    ):
        yield browser


@contextmanager
def window_of(browser: Browser, endpoints: dict[str, str], person: Person, **settings: Any) -> Iterator[Window]:
    """A window with this person signed in; at its end its console must have no errors."""
    name = person.username.partition("_")[0].capitalize()
    with closing(Window(browser, endpoints["web_url"], name, person.username, **settings)) as window:
        window.sign_in()
        yield window
        assert not window.wrong, window.wrong
