"""The drive in the web client: sharing, links with a password, the trash."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.people import Person, Town
from tests.e2e.windows import Window, needs_a_browser, window_of

pytestmark = needs_a_browser


@pytest.fixture
def page(browser: Browser, endpoints: dict[str, str], ada: Person, tmp_path: Path) -> Iterator[Page]:
    """A drive with one file in it."""
    path = tmp_path / "plan.txt"
    path.write_text("the plan")
    with window_of(browser, endpoints, ada) as window:
        window.page.get_by_role("button", name="Drive").click()
        window.page.locator("input[type=file]").set_input_files(path)
        expect(window.page.get_by_role("button", name="Delete plan.txt")).to_be_visible()
        yield window.page


def test_a_file_is_shared_and_a_link_wants_its_password(
    page: Page, browser: Browser, endpoints: dict[str, str], town: Town
) -> None:
    bob = town.person("bob")
    page.get_by_role("button", name="Share plan.txt").click()
    page.get_by_label("Find people by name").fill(bob.username)
    page.get_by_role("button", name="Share with Bob").click()
    expect(page.get_by_role("button", name="End sharing with Bob")).to_be_visible()
    assert [each["name"] for each in bob.ok("GET", "/drive/shared-with-me")["items"]] == ["plan.txt"]

    page.get_by_role("tab", name="Links").click()
    page.get_by_label("Password of the link").fill("open sesame")
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("Link", exact=True).input_value()
    with closing(Window(browser, endpoints["web_url"], "Nobody")) as nobody:
        theirs = nobody.tab("#" + link.partition("#")[2])
        theirs.get_by_role("button", name="Download").click()
        theirs.get_by_label("Password of the link").fill("wrong")
        theirs.get_by_role("button", name="Download").click()
        expect(theirs.get_by_role("alert")).to_contain_text("not the password of this link")
        theirs.get_by_label("Password of the link").fill("open sesame")
        with theirs.expect_download() as downloading:
            theirs.get_by_role("button", name="Download").click()
        assert Path(downloading.value.path()).read_text() == "the plan"


def test_what_was_deleted_comes_back_or_goes_for_good(page: Page, ada: Person) -> None:
    page.get_by_role("button", name="Delete plan.txt").click()
    expect(page.get_by_role("button", name="Delete plan.txt")).to_have_count(0)
    page.get_by_role("button", name="Trash").click()
    page.get_by_role("button", name="Bring back plan.txt").click()
    expect(page.get_by_role("button", name="Bring back plan.txt")).to_have_count(0)
    page.get_by_role("button", name="Back", exact=True).click()
    page.get_by_role("button", name="Delete plan.txt").click()
    page.get_by_role("button", name="Trash").click()
    page.get_by_role("button", name="Delete for good: plan.txt").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for good: plan.txt").click()
    expect(page.get_by_role("button", name="Delete for good: plan.txt")).to_have_count(0)
    assert ada.ok("GET", "/drive/usage")["used"] == 0
