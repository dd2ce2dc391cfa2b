"""The web client's engine in a real browser, without screens: shared sockets of tabs, reloads, uploads (R7, R32)."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from infra.local.web import POLICY
from tests.e2e.histories.web_host import WEB, missing
from tests.e2e.people import Person, Town, new_ada, new_bob

CHROMIUM = shutil.which("chromium")
BUILT = WEB / ".build" / "page"
TYPES = {".html": "text/html", ".js": "text/javascript"}
PATIENCE_S = 20.0
ada, bob = new_ada, new_bob
MIB = 2**20

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(missing() is not None, reason=f"the web client's engine cannot be built: {missing()}"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    subprocess.run(["npm", "run", "-s", "build:page"], cwd=WEB, check=True)
    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
    ]
    with (
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=CHROMIUM, args=flags)) as browser,
    ):
        yield browser


class Machine:
    """A person's browser. Its tabs are test pages of the engine, under the policy of the real page."""

    def __init__(self, browser: Browser, town: Town, person: Person) -> None:
        self.person = person
        self.sockets: list[str] = []
        self.context: BrowserContext = browser.new_context()
        self._http_url = town.http_url
        self._origin = town.http_url.partition("/_aws")[0]
        self.context.route(f"{self._origin}/engine/**", self._serve)

    def tab(self) -> Page:
        page = self.context.new_page()
        page.on("websocket", lambda socket: self.sockets.append(socket.url))
        page.goto(f"{self._origin}/engine/index.html?api={self._http_url}")
        page.evaluate("ready.then(() => undefined)")
        return page

    def signed_in(self) -> Page:
        """Open the first tab and sign in; later tabs are then signed in."""
        page = self.tab()
        answer = {"user": {"id": self.person.id}, "tokens": self.person.tokens}
        page.evaluate("answer => engine.adopt(answer)", answer)
        return page

    def close(self) -> None:
        self.context.close()

    def _serve(self, route: Route) -> None:
        path = BUILT / urlsplit(route.request.url).path.removeprefix("/engine/")
        policy = POLICY.format(host=urlsplit(self._origin).netloc)
        headers = {"Content-Type": TYPES[path.suffix], "Content-Security-Policy": policy}
        route.fulfill(body=path.read_bytes(), headers=headers)


@pytest.fixture
def room(ada: Person, bob: Person) -> str:
    return ada.group_with(bob)


@pytest.fixture
def machine(browser: Browser, town: Town, ada: Person) -> Iterator[Machine]:
    with closing(Machine(browser, town, ada)) as machine:
        yield machine


def _until(page: Page, condition: str) -> None:
    """Wait for a condition; Playwright's own wait evaluates text in the page, which the page's policy forbids."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s: {condition}"
        page.wait_for_timeout(50)


def _live(page: Page, phase: str = "live") -> None:
    """Wait until the page gets what comes from now on: its first sync skips what lies before it."""
    _until(page, f"engine.status.get().phase === '{phase}' && engine.status.get().caughtUp")


def test_three_tabs_share_a_socket_and_outlive_the_one_that_holds_it(machine: Machine, bob: Person, room: str) -> None:
    first = machine.signed_in()
    tabs = [first, machine.tab(), machine.tab()]
    for page in tabs:
        _live(page)
    bob.send(room, "one")
    for page in tabs:
        _until(page, "heard.join() === 'one'")
    assert len(machine.sockets) == 1
    leaders = [page for page in tabs if page.evaluate("engine.status.get().leader")]
    assert len(leaders) == 1
    leaders[0].close()
    rest = [page for page in tabs if page not in leaders]
    bob.send(room, "two")
    _until(rest[0], "heard.join() === 'one,two'")
    _until(rest[1], "heard.join() === 'one,two'")
    _until(rest[0], "engine.status.get().phase === 'live'")
    assert sorted(page.evaluate("engine.status.get().leader") for page in rest) == [False, True]


def test_what_was_written_without_a_network_is_sent_after_a_reload(machine: Machine, bob: Person, room: str) -> None:
    page = machine.signed_in()
    _live(page)
    page.close()
    machine.context.route_web_socket("**", lambda socket: socket.close())
    machine.context.route(f"**/conversations/{room}/messages", _cut_posts)
    page = machine.tab()
    _until(page, "engine.status.get().phase === 'polling'")
    page.evaluate("room => engine.outbox.send(room, { text: 'kept' })", room)
    _until(page, "engine.outbox.items.get()[0]?.tries > 0")
    machine.context.unroute(f"**/conversations/{room}/messages")
    page.reload()
    page.evaluate("ready.then(() => undefined)")
    _until(page, "engine.outbox.items.get().length === 0")
    texts = [each["text"] for each in bob.ok("GET", f"/conversations/{room}/messages")["items"] if each["text"]]
    assert texts == ["kept"]


def test_where_sockets_are_refused_messages_come_and_go_all_the_same(machine: Machine, bob: Person, room: str) -> None:
    machine.context.route_web_socket("**", lambda socket: socket.close())
    page = machine.signed_in()
    _live(page, "polling")
    bob.send(room, "polled")
    _until(page, "heard.includes('polled')")
    page.evaluate("room => engine.outbox.send(room, { text: 'mine' })", room)
    _until(page, "heard.includes('mine')")


def test_a_sent_message_shows_at_once_and_keeps_its_place(machine: Machine, room: str) -> None:
    page = machine.signed_in()
    _live(page)
    shown = page.evaluate(
        """async room => {
            const timeline = engine.timeline(room);
            while (timeline.get().loading) await new Promise(go => setTimeout(go, 10));
            const before = performance.now();
            await engine.outbox.send(room, { text: 'hello' });
            const waited = performance.now() - before;
            const pending = timeline.get().items.at(-1);
            while (timeline.get().items.at(-1).state !== 'sent') await new Promise(go => setTimeout(go, 5));
            const sent = timeline.get().items.at(-1);
            const states = [pending.state, sent.state];
            return { waited, states, sameKey: pending.key === sent.key, seq: sent.message.seq };
        }""",
        room,
    )
    assert shown["states"] == ["pending", "sent"]
    assert shown["sameKey"]
    assert shown["seq"] > 1


def test_signing_out_in_a_tab_signs_out_the_others_and_leaves_nothing_behind(machine: Machine, room: str) -> None:
    first, second = machine.signed_in(), machine.tab()
    _live(second)
    second.evaluate("engine.logout()")
    _until(first, "engine.session.get().state === 'signed_out'")
    kept = first.evaluate(
        """async () => {
            const db = await new Promise((resolve, reject) => {
                const opening = indexedDB.open('secureconnect');
                opening.onsuccess = () => resolve(opening.result);
                opening.onerror = () => reject(opening.error);
            });
            const names = [...db.objectStoreNames];
            const read = name => new Promise(resolve => {
                const asking = db.transaction(name).objectStore(name).count();
                asking.onsuccess = () => resolve(asking.result);
            });
            return Object.fromEntries(await Promise.all(names.map(async name => [name, await read(name)])));
        }"""
    )
    assert kept == {"session": 0, "cursors": 0, "outbox": 0, "values": 0}


def test_an_upload_that_a_reload_interrupts_goes_on_where_it_was(machine: Machine, ada: Person) -> None:
    sent: list[str] = []
    page = machine.signed_in()
    machine.context.on("requestfinished", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    page.evaluate(
        """size => {
            const bytes = new Uint8Array(size);
            for (let i = 0; i < size; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536));
            const file = new File([bytes], 'film.bin', { type: 'application/octet-stream' });
            engine.uploads.start(file).catch(() => undefined);
        }""",
        24 * MIB,
    )
    _until(page, "engine.uploads.items.get()[0]?.sentBytes > 5 * 2 ** 20")
    page.reload()
    page.evaluate("ready.then(() => undefined)")
    _until(page, "engine.uploads.items.get()[0]?.state === 'ready'")
    file = page.evaluate("engine.uploads.items.get()[0].file")
    assert ada.ok("GET", f"/drive/files/{file['id']}")["state"] == "ready"
    parts = -(-24 // 5)
    assert len(sent) <= parts + 1


def _cut_posts(route: Route) -> None:
    if route.request.method == "POST":
        route.abort()
    else:
        route.fallback()
