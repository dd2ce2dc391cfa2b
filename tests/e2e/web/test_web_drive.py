"""The drive in the web client: previews, places, versions, sharing, links with a password, the trash."""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect

from tests.e2e.people import Person, Town, new_ada, new_bob
from tests.e2e.tools import eventually
from tests.e2e.web.windows import Drag, Window, needs_a_browser, window_of

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob


# The browser's local time so many hours from now, as a field for a date and time holds it.
LOCAL_TIME = """hours => new Date(Date.now() + hours * 3_600_000 - new Date().getTimezoneOffset() * 60_000)
    .toISOString().slice(0, 16)"""
# The bytes of a film of 64 times 48 pixels that the browser records.
FILM = """async () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [64, 48];
    const recorder = new MediaRecorder(canvas.captureStream(), { mimeType: 'video/webm' });
    const recorded = new Promise((done) => { recorder.ondataavailable = ({ data }) => done(data); });
    recorder.start();
    for (let n = 0; n < 10; n++) {
        canvas.getContext('2d').fillRect(n, n, 9, 9);
        await new Promise((done) => setTimeout(done, 40));
    }
    recorder.stop();
    return [...new Uint8Array(await (await recorded).arrayBuffer())];
}"""


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


def _bring(page: Page, name: str, content: bytes, content_type: str) -> None:
    file = FilePayload(name=name, mimeType=content_type, buffer=content)
    page.locator("section.page > header input[type=file]").set_input_files(file)
    expect(page.get_by_role("button", name=f"Delete {name}")).to_be_visible()


def _bar(page: Page) -> Locator:
    """The bar of used and reserved bytes."""
    return page.get_by_role("meter", name="Storage used")


def _look(page: Page, name: str) -> Locator:
    page.locator("ul.list").get_by_role("button", name=re.compile(f"^{re.escape(name)}")).click()
    return page.get_by_role("dialog")


def _make_folder(page: Page, name: str) -> None:
    page.get_by_role("button", name="New folder").click()
    page.get_by_label("Name of the folder").fill(name)
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("button", name=f"Delete {name}")).to_be_visible()


def test_a_file_is_looked_at_in_place(page: Page) -> None:
    dialog = _look(page, "plan.txt")
    expect(dialog.get_by_label("plan.txt")).to_have_text("the plan")
    with page.expect_download() as downloading:
        dialog.get_by_role("button", name="Download").click()
    assert Path(downloading.value.path()).read_text() == "the plan"
    dialog.get_by_role("button", name="Close").click()

    dot = io.BytesIO()
    Image.new("RGB", (90, 60), "teal").save(dot, "PNG")
    _bring(page, "dot.png", dot.getvalue(), "image/png")
    dialog = _look(page, "dot.png")
    expect(dialog.get_by_role("img", name="dot.png")).to_have_js_property("naturalWidth", 90)
    page.keyboard.press("Escape")

    _bring(page, "main.py", b"print(1)\n", "text/x-python")  # a type that the service does not know
    expect(_look(page, "main.py")).to_contain_text("no preview")
    page.keyboard.press("Escape")

    # what is no picture, or does not come, is said; the second try asks for a new address
    _bring(page, "broken.png", b"\x89PNG\r\n\x1a\nbroken", "image/png")
    alert = _look(page, "broken.png").get_by_role("alert")
    expect(alert).to_contain_text("cannot show it")
    page.keyboard.press("Escape")
    _bring(page, "late.png", dot.getvalue(), "image/png")
    page.route("**/*late*", lambda route: route.abort())
    dialog = _look(page, "late.png")
    expect(dialog.get_by_role("alert")).to_be_visible()
    page.unroute("**/*late*")
    dialog.get_by_role("button", name="Try again").click()
    expect(dialog.get_by_role("img", name="late.png")).to_have_js_property("naturalWidth", 90)
    page.keyboard.press("Escape")

    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 1, 8_000, 0, "NONE", ""))
        file.writeframes(bytes([128]) * 8_000)
    for name, content, kind in (
        ("quiet.wav", sound.getvalue(), "audio/wav"),
        ("film.webm", bytes(page.evaluate(FILM)), "video/webm"),
    ):
        _bring(page, name, content, kind)
        player = _look(page, name).get_by_label(name)
        eventually(partial(player.evaluate, "player => player.currentTime > 0 && player.error === null"))
        assert player.evaluate("player => player.videoWidth") == (64 if kind.startswith("video") else None)
        page.keyboard.press("Escape")

    _bring(
        page,
        "paper.pdf",
        b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
        "application/pdf",
    )
    expect(_look(page, "paper.pdf").locator("iframe")).to_have_attribute("src", re.compile("^blob:"))
    page.keyboard.press("Escape")


def test_a_file_is_renamed_moved_found_and_shown_as_a_tile(page: Page, ada: Person) -> None:
    _make_folder(page, "Spring")
    page.get_by_role("button", name="Share plan.txt").click()
    page.get_by_role("tab", name="Name and location").click()
    page.get_by_label("Name", exact=True).fill("budget.txt")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("Done.")
    page.get_by_role("button", name="Open Spring").click()
    page.get_by_role("button", name="Move it here").click()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name="Delete plan.txt")).to_have_count(0)

    page.get_by_role("searchbox").fill("budg")
    expect(page.get_by_role("button", name="Delete budget.txt")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    page.locator("ul.list").get_by_role("button", name=re.compile("^Spring")).click()
    expect(page.get_by_role("button", name="Delete budget.txt")).to_be_visible()
    (folder,) = ada.ok("GET", "/drive/folders/root/children")["items"]
    assert [each["name"] for each in ada.ok("GET", f"/drive/folders/{folder['id']}/children")["items"]] == [
        "budget.txt"
    ]

    page.get_by_role("button", name="Show as pictures").click()
    expect(page.locator("ul.tiles")).to_be_visible()
    page.reload()
    expect(page.locator("ul.tiles")).to_be_visible()


def test_a_new_version_takes_the_place_of_the_one_before_which_comes_back(page: Page) -> None:
    page.get_by_role("button", name="Share plan.txt").click()
    page.get_by_role("tab", name="Versions").click()
    newer = FilePayload(name="other.txt", mimeType="text/plain", buffer=b"a better plan")
    page.get_by_label("Upload a new version").set_input_files(newer)
    expect(page.get_by_role("dialog").get_by_text("Version 2")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(_look(page, "plan.txt").get_by_label("plan.txt")).to_have_text("a better plan")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Share plan.txt").click()
    page.get_by_role("tab", name="Versions").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_role("dialog").get_by_role("listitem").filter(has_text="now")).not_to_contain_text("Version 2")


HANGING = """() => {
    const send = XMLHttpRequest.prototype.send;
    XMLHttpRequest.prototype.send = function (body) { if (!(body instanceof FormData)) send.call(this, body); };
}"""


def test_an_upload_that_does_not_get_through_is_given_up_and_its_room_is_free(page: Page, ada: Person) -> None:
    used = ada.ok("GET", "/drive/usage")["used"]
    page.evaluate(HANGING)  # requests for bytes of files are never answered
    bar = _bar(page)
    expect(bar).to_have_js_property("max", ada.ok("GET", "/drive/usage")["quota"])
    expect(bar).to_have_js_property("value", used)
    with page.expect_response(lambda answer: answer.url.endswith("/drive/uploads") and answer.status == 201):
        stuck = FilePayload(name="stuck.bin", mimeType="application/octet-stream", buffer=bytes(1_000))
        page.locator("section.page > header input[type=file]").set_input_files(stuck)
    assert ada.ok("GET", "/drive/usage")["reserved"] == 1_000
    expect(bar).to_have_js_property("value", used + 1_000)
    page.get_by_role("button", name="Remove stuck.bin").click()
    expect(page.get_by_role("button", name="Remove stuck.bin")).to_have_count(0)
    expect(bar).to_have_js_property("value", used)
    eventually(lambda: ada.ok("GET", "/drive/usage")["reserved"] == 0)
    assert ada.ok("GET", "/drive/usage")["used"] == used


def test_what_others_share_is_opened_from_there(
    page: Page, browser: Browser, endpoints: dict[str, str], town: Town
) -> None:
    bob = town.person("bob")
    page.get_by_role("button", name="Share plan.txt").click()
    page.get_by_label("Find people by name").fill(bob.username)
    page.get_by_role("button", name="Share with Bob").click()
    expect(page.get_by_role("button", name="Stop sharing with Bob")).to_be_visible()
    with window_of(browser, endpoints, bob) as window:
        window.page.get_by_role("button", name="Drive").click()
        window.page.get_by_role("button", name="Shared with me").click()
        expect(_look(window.page, "plan.txt").get_by_label("plan.txt")).to_have_text("the plan")


def test_a_file_is_shared_and_a_link_wants_its_password(
    page: Page, browser: Browser, endpoints: dict[str, str], town: Town
) -> None:
    bob = town.person("bob")
    page.get_by_role("button", name="Share plan.txt").click()
    page.get_by_label("Find people by name").fill(bob.username)
    page.get_by_role("button", name="Share with Bob").click()
    expect(page.get_by_role("button", name="Stop sharing with Bob")).to_be_visible()
    assert [each["name"] for each in bob.ok("GET", "/drive/shared-with-me")["items"]] == ["plan.txt"]

    page.get_by_role("tab", name="Links").click()
    page.get_by_label("Password of the link").fill("open sesame")
    page.get_by_role("button", name="Create a link").click()
    link = page.get_by_label("Link", exact=True).input_value()
    with closing(Window(browser, endpoints["web_url"], "Nobody")) as nobody:
        theirs = nobody.tab("#" + link.partition("#")[2])
        theirs.get_by_role("button", name="Download").click()
        theirs.get_by_label("Password of the link").fill("wrong")
        theirs.get_by_role("button", name="Download").click()
        expect(theirs.get_by_role("alert")).to_contain_text("Incorrect password")
        theirs.get_by_label("Password of the link").fill("open sesame")
        with theirs.expect_download() as downloading:
            theirs.get_by_role("button", name="Download").click()
        assert Path(downloading.value.path()).read_text() == "the plan"


def test_a_link_ends_at_its_time(page: Page, browser: Browser, endpoints: dict[str, str], ada: Person) -> None:
    (file,) = ada.ok("GET", "/drive/folders/root/children")["items"]
    eventually(lambda: ada.ok("GET", f"/drive/files/{file['id']}")["state"] == "ready")
    links, now = f"/drive/files/{file['id']}/links", datetime.now(UTC)
    short = ada.ok("POST", links, {"expires_at": (now + timedelta(seconds=10)).isoformat(timespec="milliseconds")})
    page.get_by_role("button", name="Share plan.txt").click()
    page.get_by_role("tab", name="Links").click()

    # a time that has passed is not even sent
    until = page.get_by_label("Valid until")
    until.fill(page.evaluate(LOCAL_TIME, -1))
    page.get_by_role("button", name="Create a link").click()
    assert until.evaluate("field => field.validity.rangeUnderflow")
    expect(page.get_by_label("Link", exact=True)).to_have_count(0)

    until.fill(page.evaluate(LOCAL_TIME, 1))
    page.get_by_role("button", name="Create a link").click()
    link = page.get_by_label("Link", exact=True).input_value()
    expect(page.get_by_role("dialog").get_by_role("listitem").filter(has_text="until")).to_have_count(2)
    ends = [datetime.fromisoformat(each["expires_at"]) for each in ada.ok("GET", links)["items"]]
    assert timedelta(minutes=59) < max(ends) - now < timedelta(minutes=61)

    with closing(Window(browser, endpoints["web_url"], "Nobody")) as nobody:
        theirs = nobody.tab("#" + link.partition("#")[2])
        with theirs.expect_download() as downloading:
            theirs.get_by_role("button", name="Download").click()
        assert Path(downloading.value.path()).read_text() == "the plan"
        ended = nobody.tab(f"#/links/{short['token']}")
        eventually(lambda: datetime.now(UTC) > min(ends))
        ended.get_by_role("button", name="Download").click()
        expect(ended.get_by_role("alert")).to_contain_text("no longer available")


def test_files_are_dropped_into_the_folder_that_one_sees(page: Page, tmp_path: Path) -> None:
    _make_folder(page, "Spring")
    page.locator("ul.list").get_by_role("button", name=re.compile("^Spring")).click()
    empty = page.get_by_text("Nothing here yet. Drop files here to upload them.")
    expect(empty).to_be_visible()
    path = tmp_path / "seeds.txt"
    path.write_text("three seeds")
    files = Drag(page, path)
    files.over(empty)
    expect(page.get_by_text("Drop files here", exact=True)).to_be_visible()
    files.drop(empty)
    expect(page.get_by_role("button", name="Delete seeds.txt")).to_be_visible()
    expect(page.get_by_text("Drop files here", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Back", exact=True).click()
    expect(page.get_by_role("button", name="Delete Spring")).to_be_visible()
    expect(page.get_by_role("button", name="Delete seeds.txt")).to_have_count(0)
    Drag(page, text="plan").drop(page.get_by_role("searchbox"))
    expect(page.get_by_role("searchbox")).to_have_value("plan")


def test_what_was_deleted_comes_back_or_goes_for_good(page: Page, ada: Person) -> None:
    page.get_by_role("button", name="Delete plan.txt").click()
    expect(page.get_by_role("button", name="Delete plan.txt")).to_have_count(0)
    page.get_by_role("button", name="Trash").click()
    page.get_by_role("button", name="Restore plan.txt").click()
    expect(page.get_by_role("button", name="Restore plan.txt")).to_have_count(0)
    page.get_by_role("button", name="Back", exact=True).click()
    page.get_by_role("button", name="Delete plan.txt").click()
    expect(_bar(page)).to_have_js_property("value", len("the plan"))  # what is in the trash takes its room
    page.get_by_role("button", name="Trash").click()
    page.get_by_role("button", name="Delete for good: plan.txt").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for good: plan.txt").click()
    expect(page.get_by_role("button", name="Delete for good: plan.txt")).to_have_count(0)
    assert ada.ok("GET", "/drive/usage")["used"] == 0
    page.get_by_role("button", name="Back", exact=True).click()
    expect(_bar(page)).to_have_js_property("value", 0)


KEPT_BYTES = 64 * 2**20  # the browser stores files up to this size during their upload
SOME_PARTS = 3


def test_an_upload_that_a_reload_interrupts_waits_in_the_list_for_its_file(
    page: Page, ada: Person, tmp_path: Path
) -> None:
    film = tmp_path / "film.bin"
    with film.open("wb") as file:
        file.truncate(KEPT_BYTES + 1)
    sent = 0

    def store_some(route: Route) -> None:
        """Store the first parts, and never answer the others."""
        nonlocal sent
        if route.request.method != "PUT":
            route.fallback()
        elif sent < SOME_PARTS:
            sent += 1
            route.fallback()

    page.route("**/*", store_some)
    page.locator("section.page > header input[type=file]").set_input_files(film)
    row = page.locator("ul.list > li").filter(has_text="film.bin")
    bar = row.get_by_role("progressbar", name="film.bin")
    eventually(lambda: bar.evaluate("bar => bar.value > 0") and sent == SOME_PARTS, within_s=60)
    reserved = ada.ok("GET", "/drive/usage")["reserved"]
    assert reserved > KEPT_BYTES

    page.reload()
    page.get_by_role("button", name="Drive").click()
    expect(row).to_contain_text("Choose the same file again to go on.")
    expect(bar).to_have_js_property("max", KEPT_BYTES + 1)
    assert 0 < bar.evaluate("bar => bar.value") < KEPT_BYTES
    row.locator("input[type=file]").set_input_files(FilePayload(name="film.bin", mimeType="", buffer=b"another"))
    expect(row.get_by_role("alert")).to_have_text("That is another file.")
    expect(row.get_by_role("button", name="Choose film.bin again")).to_be_visible()

    page.unroute("**/*")  # handlers run inside Playwright's calls only, so the requests of the last poll would wait
    row.get_by_role("button", name="Remove film.bin").click()
    expect(row).to_have_count(0)
    eventually(lambda: ada.ok("GET", "/drive/usage")["reserved"] == 0)


def test_an_upload_that_could_not_be_removed_comes_back_with_the_reason_and_is_removed_by_the_next_start(
    page: Page, ada: Person, tmp_path: Path
) -> None:
    film = tmp_path / "film.bin"
    with film.open("wb") as file:
        file.truncate(KEPT_BYTES + 1)

    def store_and_end_nothing(route: Route) -> None:
        if route.request.method == "DELETE":
            route.abort()
        elif route.request.method != "PUT":
            route.fallback()

    page.route("**/*", store_and_end_nothing)
    page.locator("section.page > header input[type=file]").set_input_files(film)
    row = page.locator("ul.list > li").filter(has_text="film.bin")
    with page.expect_request(lambda request: request.method == "PUT"):
        expect(row.get_by_role("progressbar", name="film.bin")).to_be_visible()
    row.get_by_role("button", name="Remove film.bin").click()
    expect(row.get_by_role("alert")).to_contain_text("could not be reached")
    assert ada.ok("GET", "/drive/usage")["reserved"] > KEPT_BYTES

    page.unroute("**/*")
    page.reload()
    page.get_by_role("button", name="Drive").click()
    expect(page.get_by_role("button", name="Delete plan.txt")).to_be_visible()
    expect(row).to_have_count(0)
    eventually(lambda: ada.ok("GET", "/drive/usage")["reserved"] == 0)


def test_an_upload_of_one_tab_waits_for_its_file_in_another_one_only_when_that_tab_is_closed(
    page: Page, tmp_path: Path
) -> None:
    film = tmp_path / "film.bin"
    with film.open("wb") as file:
        file.truncate(KEPT_BYTES + 1)
    page.route("**/*", lambda route: None if route.request.method == "PUT" else route.fallback())
    with page.expect_request(lambda request: request.method == "PUT"):
        page.locator("section.page > header input[type=file]").set_input_files(film)
    tab = page.context.new_page()
    tab.goto(page.url)
    expect(tab.get_by_role("button", name="Delete plan.txt")).to_be_visible()
    expect(tab.get_by_text("Choose the same file again to go on.")).to_have_count(0)
    page.close()
    expect(tab.get_by_text("Choose the same file again to go on.")).to_be_visible()
