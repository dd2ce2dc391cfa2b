"""AI help in the web client: with consent of the person and the conversation; cited, streamed, with clear refusals."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.e2e.api import ai_providers
from tests.e2e.people import Person, Town, new_ada, new_bob
from tests.e2e.tools import eventually
from tests.e2e.web.windows import Window, needs_a_browser, window_of
from tests.support.models import LoopbackModel, data_in

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob
PATIENCE_S = 30  # for a page that marks messages as read on a busy machine

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
    """A group with messages that Ada has not read."""
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

    # when ada switches it on, for herself and for the conversation
    _help(window)
    window.page.get_by_role("checkbox", name="I want AI help").check()
    window.page.get_by_role("checkbox", name=re.compile("This conversation")).check()
    expect(window.page.get_by_text(re.compile("nothing leaves this service"))).to_be_visible()
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


def test_a_question_to_all_conversations_leads_to_the_one_that_answers_it(
    window: Window, ada: Person, bob: Person, room: str
) -> None:
    _switch_on(ada, room)
    elsewhere = bob.group_with(ada, name="Elsewhere")
    bob.ok("PATCH", f"/conversations/{elsewhere}", {"settings": {"ai_enabled": True}})
    asked = {"question": "When do we ship the release?"}
    eventually(lambda: ada.ok("POST", "/ai/answers", asked)["citations"])  # by then the search index has the messages
    window.open("Elsewhere")
    expect(window.page.get_by_role("heading", name="Elsewhere")).to_be_visible()
    _help(window)
    window.page.get_by_role("checkbox", name="Ask all my conversations").check()
    window.page.get_by_label("Your question").fill(asked["question"])
    window.page.get_by_role("button", name="Ask", exact=True).click()
    window.page.get_by_role("button", name="Show message 1").click(timeout=60_000)
    expect(window.page.get_by_role("heading", name="Release")).to_be_visible()
    expect(window.page.locator(".message.marked")).to_contain_text("Friday at 14:00")


def test_what_one_missed_is_offered_as_a_summary_also_once_it_is_read(window: Window, ada: Person, room: str) -> None:
    _switch_on(ada, room)

    def once_all_is_read(settings: Route) -> None:
        """Answer whether AI help is on only when the page has marked the messages as read."""
        eventually(lambda: ada.ok("GET", f"/conversations/{room}")["unread_count"] == 0, within_s=PATIENCE_S)
        settings.continue_()

    window.page.route("**/ai/settings", once_all_is_read)
    window.open("Release")
    card = window.page.get_by_role("complementary", name="Catch up")
    expect(card).to_contain_text("You missed")
    card.get_by_role("button", name="Catch up").click()
    expect(card).to_contain_text("Friday", timeout=60_000)
    expect(card.get_by_role("button", name="Show message 1")).to_be_visible()


def test_replies_are_suggested_and_what_the_provider_cannot_do_is_said(window: Window, ada: Person, room: str) -> None:
    _switch_on(ada, room)
    window.open("Release")

    # suggestions appear, and one becomes the text
    window.page.get_by_role("button", name="AI help", exact=True).click()
    window.page.get_by_role("button", name="Suggest replies").click()
    chip = window.page.locator(".ai-tray .chip").first
    expect(chip).to_be_visible(timeout=60_000)
    text = chip.inner_text()
    chip.click()
    expect(window.page.get_by_label("Write a message")).to_have_value(text)

    # the embedded provider can neither rewrite nor translate; the typed text stays
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


# --- with a language model on this machine, which the deployed functions are set to use --------------------------

AT_LENGTH = "The announcement is being written [4]. " * 60


def _says(system: str, user: str) -> str:
    """A model that translates by reversing the letters, rewrites politely, and cites the line with the day."""
    data = data_in(user)
    if "Translate the text" in system:
        return f"Übersetzt: {data['text'][::-1]}"
    if "Rewrite the text" in system:
        return f"Would you kindly: {data['text']}"
    if "at length" in data.get("question", ""):
        return AT_LENGTH
    number = next(each["number"] for each in data["messages"] if "Friday" in each["text"])
    return f"The release ships on Friday [{number}]. It was decided by Bob [99]. See https://evil.example/x"


@pytest.fixture
def model(endpoints: dict[str, str]) -> Iterator[LoopbackModel]:
    with ai_providers.language_model(endpoints, _says) as model:
        yield model


def _ask(window: Window, question: str) -> Any:
    """Ask in the panel of AI help; returns the panel."""
    _help(window)
    window.page.get_by_label("Your question").fill(question)
    window.page.get_by_role("button", name="Ask", exact=True).click()
    return window.page.get_by_role("complementary").filter(has=window.page.get_by_label("Your question"))


def _used(who: Person) -> int:
    used: int = who.ok("GET", "/ai/settings")["budget"]["used_tokens"]
    return used


def test_an_answer_of_a_model_is_read_while_it_is_written(
    model: LoopbackModel, window: Window, ada: Person, room: str
) -> None:
    _switch_on(ada, room)
    go_on = threading.Event()
    pieces = -(-len("The release ships on Friday [3]. ") // 7)
    model.before_part = lambda n: n <= pieces or go_on.wait(60)
    window.open("Release")

    # its first sentence is shown while the model still generates the second
    panel = _ask(window, "When do we ship the release?")
    expect(panel.get_by_text("The release ships on Friday [1].")).to_be_visible(timeout=60_000)
    expect(panel.get_by_role("button", name="Stop")).to_be_visible()
    expect(panel.get_by_text("It was decided")).to_have_count(0)
    go_on.set()

    # then all of it, without its link and the invalid citation, and with the cited author
    expect(panel.get_by_text("The release ships on Friday [1]. It was decided by Bob. See (link)")).to_be_visible()
    expect(panel.get_by_text("By openai, loopback-small. It may be wrong.")).to_be_visible()
    expect(panel.get_by_role("button", name="Stop")).to_have_count(0)
    panel.get_by_role("button", name="Show message 1").click()
    expect(window.page.locator(".message.marked")).to_contain_text("Friday at 14:00")
    assert _used(ada) == 120
    assert len(model.asked) == 1


def test_a_message_is_translated_in_place_and_one_s_own_words_are_rewritten(
    model: LoopbackModel, window: Window, ada: Person, room: str
) -> None:
    _switch_on(ada, room)
    window.open("Release")
    expect(window.message("See you at lunch")).to_be_visible()
    said = window.message("See you at lunch")
    said.hover()
    said.get_by_role("button", name="More", exact=True).click()
    window.page.get_by_role("menuitem", name="Translate").click()
    expect(said.get_by_role("status")).to_contain_text("Übersetzt: hcnul ta uoy eeS", timeout=60_000)
    expect(said.get_by_role("status")).to_contain_text("By openai, loopback-small.")
    expect(said).to_contain_text("See you at lunch")
    said.get_by_role("button", name="Hide").click()
    expect(said.get_by_role("status")).to_have_count(0)

    window.page.get_by_label("Write a message").fill("send it")
    window.page.get_by_role("button", name="AI help", exact=True).click()
    window.page.get_by_role("button", name="More formal").click()
    expect(window.page.get_by_label("Write a message")).to_have_value("Would you kindly: send it", timeout=60_000)
    window.page.get_by_role("button", name="Restore my text").click()
    expect(window.page.get_by_label("Write a message")).to_have_value("send it")


def test_an_answer_that_is_stopped_or_left_is_stopped_at_the_model_too(
    model: LoopbackModel, window: Window, browser: Browser, endpoints: dict[str, str], ada: Person, room: str
) -> None:
    _switch_on(ada, room)
    model.before_part = lambda n: time.sleep(0.1)
    window.open("Release")
    panel = _ask(window, "Tell at length of the announcement")
    expect(panel.get_by_text(re.compile("The announcement is being written"))).to_be_visible(timeout=60_000)

    # stopped by hand: the page stops at once, the model soon, and the tokens so far are counted once
    panel.get_by_role("button", name="Stop").click()
    expect(panel.get_by_role("button", name="Stop")).to_have_count(0)
    eventually(lambda: model.left == 1)
    eventually(lambda: 0 < _used(ada) < len(AT_LENGTH))
    used = _used(ada)

    # left by closing the panel
    panel.get_by_role("button", name="Close").click()
    _ask(window, "Tell at length of the announcement")
    eventually(lambda: len(model.asked) == 2)
    expect(panel.get_by_text(re.compile("The announcement is being written"))).to_be_visible(timeout=60_000)
    panel.get_by_role("button", name="Close").click()
    eventually(lambda: model.left == 2)

    # left by closing the window, which closes the person's last socket
    with window_of(browser, endpoints, ada) as another:
        window.close()
        another.open("Release")
        panel = _ask(another, "Tell at length of the announcement")
        expect(panel.get_by_text(re.compile("The announcement is being written"))).to_be_visible(timeout=60_000)
    eventually(lambda: model.left == 3)
    assert _used(ada) > used
