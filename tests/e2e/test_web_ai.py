"""AI help in the web client: where both sides want it; cited, streamed, and plain about what it cannot do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.people import Person, Town
from tests.e2e.windows import Window, needs_a_browser, window_of

pytestmark = needs_a_browser

SAID = (
    "Good morning everybody",
    "When do we ship the release?",
    "We decided to ship the release on Friday at 14:00",
    "I will write the announcement",
    "The budget is 4,000 euros",
    "See you at lunch",
)


@pytest.fixture
def room(town: Town, ada: Person) -> str:
    """A group in which somebody has said things that ada has not read."""
    bob = town.person("bob")
    made = ada.group_with(bob, name="Release")
    for text in SAID:
        bob.send(made, text)
    return made


@pytest.fixture
def window(browser: Browser, endpoints: dict[str, str], ada: Person) -> Iterator[Window]:
    with window_of(browser, endpoints, ada) as window:
        yield window


def _help(window: Window) -> None:
    window.page.get_by_role("button", name="More of this conversation").click()
    window.page.get_by_role("menuitem", name="AI help").click()


def _switch_on(ada: Person, room: str) -> None:
    ada.ok("PUT", "/ai/settings", {"enabled": True})
    ada.ok("PATCH", f"/conversations/{room}", {"settings": {"ai_enabled": True}})


def test_both_switches_are_asked_for_and_an_answer_leads_to_its_messages(
    window: Window, ada: Person, room: str
) -> None:
    window.open("Release")
    expect(window.page.get_by_role("button", name="AI help", exact=True)).to_have_count(0)

    # when ada wants it, for herself and for the conversation
    _help(window)
    window.page.get_by_role("checkbox", name="I want AI help").check()
    window.page.get_by_role("checkbox", name=re.compile("This conversation")).check()
    expect(window.page.get_by_text(re.compile("nothing leaves this account"))).to_be_visible()
    assert ada.ok("GET", "/ai/settings")["enabled"]
    assert ada.ok("GET", f"/conversations/{room}")["settings"]["ai_enabled"]

    # then she may ask
    window.page.get_by_label("Your question").fill("When do we ship the release?")
    window.page.get_by_role("button", name="Ask", exact=True).click()
    panel = window.page.get_by_role("complementary").filter(has=window.page.get_by_label("Your question"))
    expect(panel.get_by_text(re.compile("Friday"))).to_be_visible(timeout=60_000)
    expect(panel.get_by_text(re.compile("It may be wrong"))).to_be_visible()
    panel.get_by_role("button", name="Show message 1").click()
    expect(window.page.locator(".message.marked")).to_be_visible()


def test_what_one_missed_is_offered_as_a_summary(window: Window, ada: Person, room: str) -> None:
    _switch_on(ada, room)
    window.open("Release")
    card = window.page.get_by_role("complementary", name="Catch up")
    expect(card).to_contain_text("You missed")
    card.get_by_role("button", name="Catch up").click()
    expect(card).to_contain_text("Friday", timeout=60_000)
    expect(card.get_by_role("button", name="Show message 1")).to_be_visible()


def test_replies_are_suggested_and_what_the_provider_cannot_do_is_said(window: Window, ada: Person, room: str) -> None:
    _switch_on(ada, room)
    window.open("Release")

    # suggestions come, and one becomes the text
    window.page.get_by_role("button", name="AI help", exact=True).click()
    window.page.get_by_role("button", name="Suggest replies").click()
    chip = window.page.locator(".ai-tray .chip").first
    expect(chip).to_be_visible(timeout=60_000)
    text = chip.inner_text()
    chip.click()
    expect(window.page.get_by_label("Write a message")).to_have_value(text)

    # the embedded provider can neither rewrite nor translate; what was typed stays
    window.page.get_by_role("button", name="AI help", exact=True).click()
    window.page.get_by_role("button", name="More formal").click()
    expect(window.page.get_by_role("alert")).to_contain_text("cannot do this", timeout=60_000)
    expect(window.page.get_by_label("Write a message")).to_have_value(text)
    window.message("See you at lunch").hover()
    window.message("See you at lunch").get_by_role("button", name="More", exact=True).click()
    window.page.get_by_role("menuitem", name="Translate").click()
    expect(window.message("See you at lunch").get_by_role("alert")).to_contain_text("cannot do this", timeout=60_000)
    window.message("See you at lunch").get_by_role("button", name="Hide").click()
    expect(window.message("See you at lunch").get_by_role("alert")).to_have_count(0)
