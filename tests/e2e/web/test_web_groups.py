"""Groups in the web client: members, settings, joining, removing."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.people import Person, Town, new_ada, new_bob
from tests.e2e.tools import eventually
from tests.e2e.web.windows import Window, needs_a_browser

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob


def panel(window: Window, group: str, tab: str) -> Page:
    window.page.evaluate("place => { location.hash = place }", f"#/conversations/{group}/group")
    window.page.get_by_role("tab", name=tab, exact=True).click()
    return window.page


def test_roles_are_given_people_removed_and_let_in_again(town: Town, ada: Person, bob: Person, opened: Any) -> None:
    cyd = town.person("cyd")
    group = ada.group_with(bob)
    page = panel(opened(ada), group, "Members")
    page.get_by_label("Role of Bob").select_option("admin")
    expect(page.get_by_label("Role of Bob")).to_have_value("admin")
    page.get_by_label("Find people by name").fill(cyd.username)
    page.get_by_role("button", name="Add Cyd").click()
    expect(page.get_by_text("Cyd is in.")).to_be_visible()
    page.get_by_role("button", name="Remove Cyd").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove Cyd").click()
    expect(page.get_by_label("Role of Cyd")).to_have_count(0)
    assert cyd.get(f"/conversations/{group}").status_code == 404

    page.get_by_role("tab", name="Removed").click()
    page.get_by_role("button", name="Let in again: Cyd").click()
    expect(page.get_by_role("button", name="Let in again: Cyd")).to_have_count(0)
    roles = {each["user"]["id"]: each["role"] for each in ada.ok("GET", f"/conversations/{group}/members")["items"]}
    assert roles == {ada.id: "owner", bob.id: "admin"}


def test_a_conversation_that_is_not_ones_own_any_more_says_so_and_leads_back(
    ada: Person, bob: Person, opened: Any
) -> None:
    group = ada.group_with(bob, name="Club")
    page = opened(bob).page
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="Club").click()
    expect(page.get_by_label("Write a message")).to_be_visible()
    ada.ok("DELETE", f"/conversations/{group}/members/{bob.id}")
    expect(page.get_by_text("This conversation is not among yours")).to_be_visible()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()
    page.evaluate("location.hash = '#/nowhere'")
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()


def test_rules_of_a_group_are_changed_and_shown_to_the_others(ada: Person, bob: Person, opened: Any) -> None:
    group = ada.group_with(bob)
    page = panel(opened(ada), group, "Rules")
    theirs = opened(bob).page
    page.get_by_label("Name of the group").fill("Engine room")
    page.get_by_label("Description", exact=True).fill("Steam only")
    page.get_by_role("button", name="Save").click()
    expect(theirs.get_by_role("button", name=re.compile("Engine room"))).to_be_visible()
    page.get_by_label("Slow mode: between two messages").select_option("60")
    page.get_by_label("Messages disappear after", exact=True).select_option("86400")
    page.get_by_label("Who may write").select_option("admins")
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_label("Messages disappear after", exact=True).select_option("0")
    eventually(lambda: _settings(bob, group)["disappearing_seconds"] is None, within_s=10)
    kept = bob.ok("GET", f"/conversations/{group}")
    assert (kept["name"], kept["description"]) == ("Engine room", "Steam only")
    assert (kept["settings"]["slow_mode_seconds"], kept["settings"]["who_can_send"]) == (60, "admins")


def _settings(who: Person, group: str) -> dict[str, Any]:
    settings: dict[str, Any] = who.ok("GET", f"/conversations/{group}")["settings"]
    return settings


def test_a_link_lets_somebody_in_once_an_admin_agrees(town: Town, ada: Person, bob: Person, opened: Any) -> None:
    # given a link that needs an admin's approval
    dan = town.person("dan")
    group = ada.group_with(bob, name="Club")
    page = panel(opened(ada), group, "Links")
    page.get_by_label("An admin approves who joins").check()
    page.get_by_role("button", name="Create a link").click()
    expect(page.get_by_role("img", name="QR code of the link")).to_be_visible()
    link = page.get_by_label("Link", exact=True).input_value()
    # when somebody follows it and asks
    theirs = opened(dan).page
    theirs.evaluate("link => { location.hash = new URL(link).hash }", link)
    expect(theirs.get_by_role("heading", name="Club")).to_be_visible()
    theirs.get_by_role("button", name="Ask to join").click()
    expect(theirs.get_by_text("You have asked.")).to_be_visible()
    # then the admin sees it at once and lets them in
    page.get_by_role("tab", name="Requests").click()
    page.get_by_role("button", name="Approve Dan").click()
    expect(theirs.get_by_role("navigation").get_by_role("button", name=re.compile("Club"))).to_be_visible()
    # and a link that is revoked lets nobody in
    page.get_by_role("tab", name="Links").click()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text(re.compile("^Revoked"))).to_be_visible()
    eve = opened(town.person("eve")).page
    eve.evaluate("link => { location.hash = new URL(link).hash }", link)
    expect(eve.get_by_role("alert")).to_be_visible()


def test_a_reported_message_is_deleted_by_an_admin(ada: Person, bob: Person, opened: Any) -> None:
    group = ada.group_with(bob)
    bad = bob.send(group, "buy my coins")
    ada.ok("POST", f"/conversations/{group}/messages/{bad['id']}/reports", {"reason": "an advertisement"})
    page = panel(opened(ada), group, "Reports")
    expect(page.get_by_text("Ada: an advertisement")).to_be_visible()
    page.get_by_role("button", name="Delete the message").click()
    expect(page.get_by_text("Ada: an advertisement")).to_have_count(0)
    assert ada.ok("GET", f"/conversations/{group}/messages/{bad['id']}")["deleted_at"] is not None


def test_a_group_is_left_and_deleted(ada: Person, bob: Person, opened: Any) -> None:
    group = ada.group_with(bob, name="Short")
    theirs = panel(opened(bob), group, "For me")
    theirs.get_by_role("button", name="Leave group").click()
    theirs.get_by_role("dialog").get_by_role("button", name="Leave group").click()
    expect(theirs.get_by_role("button", name=re.compile("Short"))).to_have_count(0)
    page = panel(opened(ada), group, "Rules")
    page.get_by_role("button", name="Delete group").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete group").click()
    expect(page.get_by_role("button", name=re.compile("Short"))).to_have_count(0)
    assert ada.get(f"/conversations/{group}").status_code == 404
