"""The history of a conversation in the web client: reading, threads, pins, votes, search, menus of messages."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.people import Person, new_ada, new_bob
from tests.e2e.tools import at_once, eventually
from tests.e2e.web.windows import needs_a_browser

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob


@pytest.fixture
def room(ada: Person, bob: Person) -> str:
    return ada.group_with(bob, name="Engines")


def test_a_long_history_begins_at_the_first_unread_and_is_read_both_ways(
    opened: Any, ada: Person, bob: Person, room: str
) -> None:
    # given 180 messages, of which ada has read 60
    sent = [bob.send(room, f"line {n}") for n in range(60)]
    ada.ok("POST", f"/conversations/{room}/read", {"seq": sent[-1]["seq"]})
    for n in range(60, 180):
        bob.send(room, f"line {n}")

    # when she opens it
    window = opened(ada)
    window.open("Engines")

    # then it begins at her first unread message
    expect(window.page.get_by_role("separator")).to_contain_text("Unread from here")
    log = window.page.get_by_role("log")
    expect(log.get_by_text("line 60", exact=True)).to_be_in_viewport()
    newest = window.page.get_by_role("button", name=re.compile("new message"))
    expect(newest).to_be_visible()

    # and only a part of it is in the document
    assert window.page.get_by_role("article").count() < 80

    # and the button jumps to the newest message, which then counts as read
    newest.click()
    expect(window.message("line 179")).to_be_in_viewport()
    eventually(lambda: ada.ok("GET", f"/conversations/{room}")["unread_count"] == 0)

    # and scrolling up reaches the beginning
    log.hover()
    for _ in range(60):
        window.page.mouse.wheel(0, -3_000)
        window.page.wait_for_timeout(60)
        if log.get_by_text("line 0", exact=True).count():
            break
    expect(window.page.get_by_text("This is where the conversation begins.")).to_be_attached()


def test_a_link_to_a_message_leads_there_and_a_date_does(opened: Any, ada: Person, bob: Person, room: str) -> None:
    first = bob.send(room, "the very first")
    at_once([partial(bob.send, room, f"filler {n}") for n in range(40)] * 3)
    window = opened(ada)

    window.page.goto(f"{window.url.split('#')[0]}#/conversations/{room}/messages/{first['id']}")
    window.page.reload()
    expect(window.message("the very first")).to_be_in_viewport()

    window.page.get_by_role("button", name="Jump to newest").or_(
        window.page.get_by_role("button", name=re.compile("new message"))
    ).click()
    expect(window.message("the very first")).not_to_be_in_viewport()
    window.page.get_by_role("button", name="More of this conversation").click()
    window.page.get_by_role("menuitem", name="Go to a date").click()
    window.page.get_by_label("Date", exact=True).fill(first["created_at"][:10])
    window.page.get_by_role("button", name="Go there").click()
    expect(window.message("the very first")).to_be_in_viewport()


def test_a_thread_is_answered_beside_the_history(opened: Any, ada: Person, bob: Person, room: str) -> None:
    root = bob.send(room, "which colour?")
    window = opened(ada)
    window.open("Engines")
    window.choose("which colour?", "Reply in thread")
    box = window.page.get_by_role("textbox", name="Reply in the thread")
    box.fill("blue")
    box.press("Enter")

    expect(window.message("which colour?").get_by_role("button", name="1 reply")).to_be_visible()
    bob.send(room, "or green", thread_root=root["id"])
    expect(window.page.get_by_role("log", name="Thread").get_by_text("or green")).to_be_visible()
    thread = bob.ok("GET", f"/conversations/{room}/messages/{root['id']}/thread")["items"]
    assert [each["text"] for each in thread] == ["blue", "or green"]


def test_a_message_is_pinned_forwarded_reported_and_deleted_by_its_menu(
    opened: Any, ada: Person, bob: Person, room: str
) -> None:
    elsewhere = ada.group_with(bob, name="Attic")
    bob.send(room, "worth keeping")
    window = opened(ada)
    window.open("Engines")

    window.choose("worth keeping", "Pin")
    expect(window.message("worth keeping").get_by_label("Pinned")).to_be_visible()
    window.page.get_by_role("button", name="More of this conversation").click()
    window.page.get_by_role("menuitem", name="Pinned messages").click()
    expect(window.beside("worth keeping")).to_be_visible()

    window.choose("worth keeping", "Copy link")
    copied = window.page.evaluate("navigator.clipboard.readText()")
    assert f"#/conversations/{room}/messages/msg_" in copied

    window.choose("worth keeping", "Forward")
    window.page.get_by_role("checkbox", name="Attic").check()
    window.page.get_by_role("dialog").get_by_role("button", name="Forward").click()
    eventually(lambda: "worth keeping" in ada.texts(elsewhere))

    window.choose("worth keeping", "Report")
    window.page.get_by_label(re.compile("What is wrong with it")).fill("it shouts")
    window.page.get_by_role("dialog").get_by_role("button", name="Report").click()
    expect(window.page.get_by_text("Reported. Thank you.")).to_be_visible()
    window.page.get_by_role("dialog").get_by_role("button", name="Close").click()

    window.choose("worth keeping", "Delete")
    window.page.get_by_role("dialog").get_by_role("button", name="Delete for everybody").click()
    expect(window.page.get_by_text("This message was deleted.").first).to_be_visible()


def test_an_edited_message_shows_what_it_said_before_and_who_has_read_it(
    opened: Any, ada: Person, bob: Person, room: str
) -> None:
    sent = ada.send(room, "meet at nine")
    ada.ok("PATCH", f"/conversations/{room}/messages/{sent['id']}", {"text": "meet at ten"})
    bob.ok("POST", f"/conversations/{room}/read", {"seq": sent["seq"]})
    window = opened(ada)
    window.open("Engines")

    expect(window.message("meet at ten").get_by_label("Read by 1 person")).to_be_visible()
    window.choose("meet at ten", "Edit history")
    expect(window.beside("meet at nine")).to_be_visible()
    window.choose("meet at ten", "Who has read it")
    expect(window.beside("Bob")).to_be_visible()


def test_a_search_is_narrowed_and_its_hit_is_shown_in_the_history(
    opened: Any, ada: Person, bob: Person, room: str
) -> None:
    bob.send(room, "the lighthouse is open")
    ada.send(room, "a lighthouse of one's own")
    at_once([partial(bob.send, room, f"filler {n}") for n in range(60)])
    window = opened(ada)
    window.open("Engines")
    window.page.get_by_role("button", name="Search", exact=True).click()

    eventually(lambda: len(ada.ok("GET", f"/search?q=lighthouse&conversation_id={room}")["items"]) == 2)
    window.page.get_by_label("Words").fill("lighth")
    expect(window.page.get_by_text("2 found")).to_be_visible()
    window.page.get_by_label("From").select_option("Bob")
    expect(window.page.get_by_text("1 found")).to_be_visible()
    window.beside("the lighthouse is open").click()
    expect(window.message("the lighthouse is open")).to_be_in_viewport()


def test_a_vote_shows_before_the_server_has_it_and_voters_are_listed(
    opened: Any, ada: Person, bob: Person, room: str
) -> None:
    poll = ada.ok(
        "POST", f"/conversations/{room}/polls", {"client_id": "p1", "question": "Tea?", "options": ["Yes", "No"]}
    )
    window = opened(bob)
    window.open("Engines")
    expect(window.page.get_by_role("radio", name="Yes")).to_be_visible()

    # given a network that is cut
    window.context.set_offline(True)
    window.page.get_by_role("radio", name="Yes").click()
    expect(window.page.get_by_role("radio", name="Yes")).to_be_checked()
    expect(window.page.get_by_role("group", name="Tea?")).to_contain_text("1 vote")
    window.context.set_offline(False)
    eventually(lambda: ada.ok("GET", f"/polls/{poll['id']}")["total_voters"] == 1, within_s=60)

    window.page.get_by_role("button", name="Who has voted").click()
    expect(window.page.get_by_role("dialog").get_by_text("Bob")).to_be_visible()


def test_the_history_and_its_menus_are_used_by_keys_alone(opened: Any, ada: Person, bob: Person, room: str) -> None:
    bob.send(room, "one")
    bob.send(room, "two")
    window = opened(ada)
    window.open("Engines")
    expect(window.message("two")).to_be_visible()
    window.page.get_by_role("log").focus()
    window.page.keyboard.press("ArrowUp")
    expect(window.message("two")).to_be_focused()
    window.page.keyboard.press("ArrowUp")
    expect(window.message("one")).to_be_focused()
    window.page.keyboard.press("Enter")
    expect(window.page.get_by_role("menuitem", name="Reply", exact=True)).to_be_focused()
    window.page.keyboard.press("Escape")
    expect(window.message("one")).to_be_focused()
    window.page.keyboard.press("r")
    expect(window.page.get_by_label("Write a message")).to_be_focused()
    window.page.keyboard.type("to the first")
    window.page.keyboard.press("Enter")
    expect(window.message("to the first").get_by_role("button", name=re.compile("Bob: one"))).to_be_visible()


def test_arabic_runs_from_right_to_left_and_german_is_german(opened: Any, ada: Person, bob: Person, room: str) -> None:
    bob.send(room, "one")
    arabic, german = opened(ada, locale="ar"), opened(bob, locale="de-DE")
    arabic.open("Engines")
    assert arabic.page.evaluate("document.documentElement.dir") == "rtl"
    expect(arabic.page.get_by_label("اكتب رسالة")).to_be_visible()
    message = arabic.message("one").bounding_box()
    history = arabic.page.get_by_role("log").bounding_box()
    assert message["x"] + message["width"] / 2 > history["x"] + history["width"] / 2
    german.open("Engines")
    german.page.get_by_role("button", name="Mehr zu dieser Unterhaltung").click()
    expect(german.page.get_by_role("menuitem", name="Angeheftete Nachrichten")).to_be_visible()
