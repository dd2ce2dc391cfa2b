"""Accessibility of every screen of the web client: axe-core in both themes, and a journey by the keyboard alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.e2e import drive
from tests.e2e.people import PASSWORD, Person, Town, new_ada, new_bob
from tests.e2e.tools import eventually
from tests.e2e.web.accessibility import audit
from tests.e2e.web.windows import Window, needs_a_browser, window_of

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob
SETTINGS = ("profile", "security", "sessions", "notifications", "privacy", "look", "account")
GROUP = ("members", "mine", "rules", "invitations", "requests", "reports", "bans")
ADMINISTRATION = ("users", "reports", "audit", "stats")
SCREENS_FOLDER = Path(__file__).resolve().parents[3] / "docs" / "screens"


@pytest.fixture
def group(town: Town, ada: Person) -> str:
    """A group with an example of everything that its screens show."""
    bob, cyd = town.person("bob"), town.person("cyd")
    made = ada.group_with(bob, cyd, name="Engine room")
    said = bob.send(made, "The **boiler** is hot", mentions=[ada.id])
    ada.send(made, "I see it", reply_to=said["id"])
    ada.ok("PUT", f"/conversations/{made}/messages/{said['id']}/reactions/❤️")
    cyd.ok("POST", f"/conversations/{made}/messages/{said['id']}/reports", {"reason": "too hot"})
    poll = {"client_id": "lunch", "question": "Lunch?", "options": ["Soup", "Salad"], "results": "live"}
    bob.ok("POST", f"/conversations/{made}/polls", poll)
    link = ada.ok("POST", f"/conversations/{made}/invitations", {"needs_approval": True})
    town.person("dan").ok("POST", f"/invitations/{link['token']}/accept")
    town.person("eve").ok("POST", f"/contacts/{ada.id}")
    ada.ok("DELETE", f"/conversations/{made}/members/{cyd.id}")
    return made


def show(window: Window, place: str) -> Page:
    window.page.evaluate("place => { location.hash = place }", place)
    window.page.wait_for_load_state("networkidle")
    return window.page


def keep(page: Page, name: str) -> None:
    """Save a screenshot for the documents, if SC_SCREENSHOTS is set."""
    if "SC_SCREENSHOTS" in os.environ:
        page.mouse.move(0, 0)  # away from messages, which would show their buttons
        page.screenshot(path=SCREENS_FOLDER / f"{name}.png")


def test_every_screen_of_a_person_keeps_the_rules(
    browser: Browser, endpoints: dict[str, str], ada: Person, bob: Person, group: str
) -> None:
    bob.ok("POST", f"/contacts/{ada.id}")
    found: list[str] = []
    with window_of(browser, endpoints, ada, viewport={"width": 1280, "height": 800}) as window:
        for place, name in [
            ("#/", "home"),
            ("#/new", "new conversation"),
            ("#/contacts", "contacts"),
            ("#/drive", "drive"),
            ("#/notifications", "notifications"),
            (f"#/conversations/{group}", "conversation"),
            *((f"#/settings/{each}", f"settings {each}") for each in SETTINGS),
            *((f"#/conversations/{group}/group/{each}", f"group {each}") for each in GROUP),
        ]:
            page = show(window, place)
            found += audit(page, name)
            if name in ("conversation", "notifications", "settings security", "group members", "group invitations"):
                keep(page, name.replace(" ", "-"))
        page.keyboard.press("Control+k")
        expect(page.get_by_role("dialog", name="Go to or run a command")).to_be_visible()
        found += audit(page, "palette")
        keep(page, "palette")
        page.keyboard.press("Escape")
        page.get_by_role("heading").first.click()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
        found += audit(page, "shortcuts")
    assert found == [], "\n".join(found)


def test_every_dialog_keeps_the_rules_and_what_a_link_shows_to_strangers(
    browser: Browser, endpoints: dict[str, str], ada: Person, bob: Person, group: str
) -> None:
    found: list[str] = []
    with window_of(browser, endpoints, ada) as window:
        page = show(window, f"#/conversations/{group}")
        for text, item in (("boiler", "Forward"), ("boiler", "Report"), ("I see it", "Delete")):
            said = window.message(text).first
            said.hover()
            said.get_by_role("button", name="More", exact=True).click()
            found += audit(page, "menu of a message")
            page.get_by_role("menuitem", name=item).click()
            expect(page.get_by_role("dialog")).to_be_visible()
            found += audit(page, item)
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_be_hidden()

        page = show(window, "#/drive")
        page.locator("section.page > header input[type=file]").set_input_files(
            FilePayload(name="plan.txt", mimeType="text/plain", buffer=b"the plan")
        )
        page.get_by_role("button", name="Share plan.txt").click()
        page.get_by_label("Find people by name").fill(bob.username)
        page.get_by_role("button", name="Share with Bob").click()
        expect(page.get_by_role("button", name="Stop sharing with Bob")).to_be_visible()
        page.get_by_label("Find people by name").fill(bob.username)
        expect(page.get_by_role("button", name="Share with Bob")).to_be_visible()
        found += audit(page, "sharing")
        page.get_by_role("tab", name="Links").click()
        page.get_by_role("button", name="Create a link").click()
        link = page.get_by_label("Link", exact=True).input_value()
        found += audit(page, "links")
        page.get_by_role("tab", name="Versions").click()
        expect(page.get_by_role("dialog").get_by_text("Version 1")).to_be_visible()
        found += audit(page, "versions")
        page.get_by_role("tab", name="Name and location").click()
        expect(page.get_by_label("Name", exact=True)).to_have_value("plan.txt")
        found += audit(page, "name and location")
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
        page.get_by_role("button", name="New folder").click()
        expect(page.get_by_label("Name of the folder")).to_be_focused()
        page.locator("ul.list").get_by_role("button", name=re.compile("^plan.txt")).click()
        expect(page.get_by_role("dialog").get_by_label("plan.txt")).to_have_text("the plan")
        found += audit(page, "preview")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        found += audit(page, "new folder")
    with closing(Window(browser, endpoints["web_url"], "Nobody")) as nobody:
        theirs = nobody.tab("#" + link.partition("#")[2])
        expect(theirs.get_by_role("button", name="Download")).to_be_visible()
        found += audit(theirs, "a link")
    assert found == [], "\n".join(found)


def test_every_panel_and_tool_of_a_conversation_keeps_the_rules(
    browser: Browser, endpoints: dict[str, str], town: Town, ada: Person, group: str
) -> None:
    # given a message with everything that a panel shows of one, and an invitation to another group
    found: list[str] = []
    here = f"/conversations/{group}"
    file = drive.upload(ada, b"the plan", name="plan.txt", conversation_id=group)
    seen = ada.send(group, "The pressure is rising", attachment_ids=[file["id"]])
    ada.ok("PATCH", f"{here}/messages/{seen['id']}", {"text": "The pressure is falling"})
    ada.ok("PUT", f"{here}/pins/{seen['id']}")
    ada.send(group, "By how much?", thread_root=seen["id"])
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="milliseconds")
    ada.ok("POST", f"{here}/scheduled", {"client_id": "later", "text": "Still falling", "send_at": soon})
    ada.ok("PUT", "/ai/settings", {"enabled": True})
    ada.ok("PATCH", here, {"settings": {"ai_enabled": True}})
    host = town.person("host")
    link = host.ok("POST", f"/conversations/{host.group_with(name='Deck')}/invitations", {"needs_approval": True})
    with window_of(browser, endpoints, ada) as window:
        # when each tool of the composer is open
        page = show(window, f"#{here}")
        page.get_by_role("button", name="Record a voice message").click()
        expect(page.get_by_role("status").filter(has_text="Recording 0:")).to_be_visible()
        found += audit(page, "voice recorder")
        page.get_by_role("button", name="Discard the recording").click()
        page.get_by_role("button", name="Create a poll").click()
        page.get_by_label("Several options may be chosen").check()
        page.get_by_text("More settings").click()
        expect(page.get_by_label("Votes are secret")).to_be_visible()
        found += audit(page, "new poll")
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_label("Write a message")).to_be_focused()
        page.get_by_label("Write a message").fill("Still falling?")
        page.get_by_role("button", name="Send later").click()
        expect(page.get_by_role("dialog", name="Send later")).to_be_visible()
        found += audit(page, "send later")
        page.keyboard.press("Escape")

        # and each panel beside the history
        for panel, shown in (
            (f"thread/{seen['id']}", "By how much?"),
            (f"edits/{seen['id']}", "The pressure is rising"),
            (f"info/{seen['id']}", "The pressure is falling"),
            ("pins", "The pressure is falling"),
            ("gallery", "plan.txt"),
            ("scheduled", "Still falling"),
            ("ask", "Your question"),
        ):
            show(window, f"#{here}/{panel}")
            expect(page.get_by_role("complementary").get_by_text(shown).first).to_be_visible()
            found += audit(page, panel.partition("/")[0])

        # and the screen of an invitation
        show(window, f"#/invitations/{link['token']}")
        page.get_by_role("button", name="Ask to join").click()
        expect(page.get_by_role("status").filter(has_text="You have asked.")).to_be_visible()
        found += audit(page, "invitation")

    # then none breaks a rule
    assert found == [], "\n".join(found)


def test_screens_before_sign_in_keep_the_rules(browser: Browser, endpoints: dict[str, str]) -> None:
    found: list[str] = []
    with closing(Window(browser, endpoints["web_url"], "Nobody")) as window:
        found += audit(window.page, "sign in")
        window.page.get_by_role("button", name="I have no account yet").click()
        found += audit(window.page, "register")
        for place in ("#/forgot", "#/reset?token=abc", "#/verify?token=abc", "#/disown?token=abc"):
            found += audit(show(window, place), place)
        assert window.wrong == []
    assert found == [], "\n".join(found)


def test_administration_keeps_the_rules_and_bans_within_a_second(
    browser: Browser, endpoints: dict[str, str], endpoints_file: Path, town: Town, ada: Person
) -> None:
    command = [sys.executable, "-m", "infra.admin", ada.username]
    subprocess.run(command, check=True, env=os.environ | {"SC_ENDPOINTS": str(endpoints_file)}, capture_output=True)
    bad = town.person("bad")
    found: list[str] = []
    with (
        window_of(browser, endpoints, ada) as window,
        closing(Window(browser, endpoints["web_url"], "Bad", bad.username)) as theirs,
    ):
        theirs.sign_in()
        window.page.get_by_role("button", name="Administration").click()
        for each in ADMINISTRATION:
            found += audit(show(window, f"#/administration/{each}"), f"administration {each}")
        keep(show(window, "#/administration/audit"), "administration-audit")

        page = show(window, "#/administration/users")
        page.get_by_label("Name, username or e-mail address").fill(bad.username)
        expect(page.get_by_role("button", name="Ban Bad")).to_be_visible()
        page.get_by_role("button", name="Ban Bad").click()
        page.get_by_label("Reason").fill("sells coins to everybody")
        page.get_by_role("dialog").get_by_role("button", name="Ban", exact=True).click()
        expect(page.get_by_text("Banned: sells coins to everybody")).to_be_visible()
        expect(theirs.page.get_by_text("Your session has ended. Sign in again.")).to_be_visible()
        page.get_by_role("button", name="Lift the ban").click()
        expect(page.get_by_role("button", name="Ban Bad")).to_be_visible()
    assert found == [], "\n".join(found)


# Usernames whose `@` is shown behind them.
USERNAMES_FROM_THE_RIGHT = """() => [...document.querySelectorAll('main *')]
    .filter((each) => !each.children.length && each.textContent.startsWith('@'))
    .filter((each) => getComputedStyle(each).direction !== 'ltr').map((each) => each.outerHTML)"""


@pytest.mark.parametrize("language", ["ar", "de"])
def test_in_other_languages_nothing_is_left_untold_or_runs_out_of_its_frame(
    browser: Browser, endpoints: dict[str, str], ada: Person, group: str, language: str
) -> None:
    with closing(
        Window(browser, endpoints["web_url"], "Ada", ada.username, viewport={"width": 390, "height": 844})
    ) as window:
        window.sign_in()
        window.page.evaluate("language => localStorage.setItem('secureconnect.language', language)", language)
        window.page.reload()
        wide, turned = [], []
        for place in (
            "#/",
            "#/settings/profile",
            "#/settings/notifications",
            "#/settings/security",
            f"#/conversations/{group}/group/members",
        ):
            page = show(window, place)
            assert page.evaluate("document.documentElement.lang") == language
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(place)
            turned += page.evaluate(USERNAMES_FROM_THE_RIGHT)
        assert (wide, turned) == ([], [])
        assert window.wrong == []


def test_on_a_small_phone_there_is_room_for_the_name_and_the_text(
    browser: Browser, endpoints: dict[str, str], ada: Person, group: str
) -> None:
    with closing(
        Window(browser, endpoints["web_url"], "Ada", ada.username, viewport={"width": 360, "height": 640})
    ) as window:
        window.sign_in()
        page = show(window, f"#/conversations/{group}")
        name = page.get_by_role("main").get_by_role("heading", level=2)
        boxes = [each.bounding_box() for each in (name, page.get_by_label("Write a message"))]
        assert [box is not None and box["width"] >= 110 for box in boxes] == [True, True], boxes
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_a_journey_by_the_keyboard_alone(browser: Browser, endpoints: dict[str, str], town: Town, ada: Person) -> None:
    """Signing in, jumping to a conversation, writing, a setting, signing out, without a pointer."""
    bob = town.person("bob")
    group = ada.group_with(bob, name="Keys only")
    with closing(Window(browser, endpoints["web_url"], "Ada", ada.username)) as window:
        page, keys = window.page, window.page.keyboard
        _tab_to(page, "Username or e-mail address")
        keys.type(ada.username)
        keys.press("Tab")
        keys.type(PASSWORD)
        keys.press("Enter")
        expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()

        keys.press("Control+k")
        expect(page.get_by_role("dialog", name="Go to or run a command").get_by_role("searchbox")).to_be_focused()
        keys.type("Keys")
        expect(page.get_by_role("menuitem")).to_have_count(1)
        keys.press("ArrowDown")
        keys.press("Enter")
        expect(page.get_by_role("heading", name="Keys only")).to_be_visible()
        _tab_to(page, "Write a message")
        keys.type("by keys")
        keys.press("Enter")
        expect(window.message("by keys")).to_be_visible()
        eventually(lambda: bob.ok("GET", f"/conversations/{group}/messages")["items"] != [], within_s=10)

        keys.press("Control+,")
        expect(page.get_by_role("heading", name="Settings")).to_be_focused()
        _tab_to(page, "Profile")
        for _ in range(4):
            keys.press("ArrowRight")
        expect(page.get_by_role("tab", name="Privacy")).to_be_focused()
        _tab_to(page, "Others see what I have read")
        keys.press("Space")
        expect(page.get_by_role("switch", name="Others see what I have read")).not_to_be_checked()

        keys.press("Control+k")
        expect(page.get_by_role("dialog", name="Go to or run a command").get_by_role("searchbox")).to_be_focused()
        keys.type("Sign out")
        expect(page.get_by_role("menuitem")).to_have_count(1)
        keys.press("ArrowDown")
        keys.press("Enter")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert window.wrong == []


NAME = """() => {
    const at = document.activeElement;
    if (at === document.body) return '';
    return at.getAttribute('aria-label') || at.labels?.[0]?.textContent || at.textContent || '';
}"""


def _tab_to(page: Page, name: str) -> None:
    """Press Tab until an element with this name has the focus."""
    for _ in range(60):
        if name in page.evaluate(NAME):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} cannot be reached by Tab")
