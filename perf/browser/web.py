"""The web client in Chromium on the running local cloud: first paint, a long history, scrolling, memory, typing.

The long history is generated here and replaces the API's pages, so that its figures only depend on the client; all
other requests go to the local cloud.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Route, sync_playwright

from kernel import clock, ids
from perf import budgets
from perf.budgets import Budget, Verdict
from perf.effort import Effort
from perf.report import Table, percentile, spread
from perf.running.addresses import DEFAULT, running

MESSAGES = 100_000
PATIENCE_MS = 60_000
PASSWORD = "correct horse battery staple"
FLAGS = ("--no-sandbox", "--disable-gpu", "--enable-precise-memory-info")
BUDGETS = (
    Budget("page, nothing cached", "largest contentful paint ms", at_most=1_000),
    Budget("page, cached", "largest contentful paint ms", at_most=400),
    Budget("100,000 messages", "data to screen ms", at_most=150),
    Budget("100,000 messages", "frames/s while scrolling", at_least=55),
    Budget("100,000 messages", "heap MB", at_most=120),
    Budget("composer", "keypress to paint p95 ms", at_most=50),
    Budget("composer", "layout shift by sending", at_most=0.001),
)
# Runs in every page: records when messages arrived, when rows were painted after that, and other metrics.
PROBE = """
for (const name of ['json', 'text']) {
  const read = Response.prototype[name];
  Response.prototype[name] = async function () {
    const value = await read.call(this);
    if (this.url.includes('/messages?')) globalThis.dataAt ??= performance.now();
    return value;
  };
}
globalThis.largest = 0;
new PerformanceObserver((list) => { for (const each of list.getEntries()) globalThis.largest = each.startTime; })
  .observe({ type: 'largest-contentful-paint', buffered: true });
globalThis.shift = 0;
new PerformanceObserver((list) => { for (const each of list.getEntries()) globalThis.shift += each.value; })
  .observe({ type: 'layout-shift', buffered: true });
const afterPaint = (then) => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => then(performance.now());
  port2.postMessage(null);
});
new MutationObserver(() => {
  if (globalThis.shownAt || !globalThis.dataAt || !document.querySelector('[data-index] article')) return;
  globalThis.shownAt = Infinity;
  afterPaint((now) => { globalThis.shownAt = now; });
}).observe(document, { subtree: true, childList: true });
globalThis.keys = [];
addEventListener('keydown', (event) => afterPaint((now) => globalThis.keys.push(now - event.timeStamp)), true);
globalThis.frames = 0;
const count = () => { globalThis.frames += 1; requestAnimationFrame(count); };
requestAnimationFrame(count);
"""


class NoBrowser(Exception):
    """Chromium is not installed, or the web client was not built."""


@dataclass(frozen=True, slots=True)
class Scale:
    runs: int = 5
    scroll_px: int = 40_000
    keys: int = 120


def scale_of(effort: Effort) -> Scale:
    return effort.of(Scale(runs=2, scroll_px=8_000, keys=30), Scale(runs=3, scroll_px=16_000), Scale())


@dataclass(frozen=True, slots=True)
class Figures:
    cold_ms: list[float]
    warm_ms: list[float]
    open_ms: list[float]
    frames: list[float]
    heap_mb: list[float]
    keys_ms: list[float]
    shift: float
    rows: int


def measure(scale: Scale, done: Callable[[str], None]) -> Figures:
    """Measure the client that the running local cloud serves. Raises NotUp, NoBrowser."""
    addresses = served()
    with opened() as browser:
        return measure_page(browser, addresses["web_url"], addresses["http_url"], scale, done)


def served() -> dict[str, str]:
    """The addresses of the running local cloud, including `web_url`. Raises NotUp, NoBrowser."""
    running()
    addresses: dict[str, str] = json.loads(Path(os.environ.get("SC_ENDPOINTS") or DEFAULT).read_text())
    if not addresses.get("web_url"):
        raise NoBrowser("needs a built web client")
    return addresses


@contextmanager
def opened() -> Iterator[Browser]:
    """Chromium, for the duration of the block. Raises NoBrowser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise NoBrowser("needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def measure_page(browser: Browser, url: str, http_url: str, scale: Scale, done: Callable[[str], None]) -> Figures:
    """Measure the client at this URL with a new account."""
    person, conversation_id = _newcomer(http_url)
    done("first paint")
    paints = [_paints(browser, url) for _ in range(scale.runs)]
    done("a conversation of 100,000 messages")
    histories = [_history(browser, url, person, conversation_id, scale) for _ in range(scale.runs)]
    done("writing")
    keys, shift = _writing(browser, url, person, conversation_id, scale)
    return Figures(
        cold_ms=[cold for cold, _ in paints],
        warm_ms=[warm for _, warm in paints],
        open_ms=[each[0] for each in histories],
        frames=[each[1] for each in histories],
        heap_mb=[each[2] for each in histories],
        keys_ms=keys,
        shift=shift,
        rows=max(each[3] for each in histories),
    )


def tables(found: Figures) -> list[Table]:
    rows = (
        ("largest contentful paint, nothing cached, ms", spread(found.cold_ms)),
        ("largest contentful paint, cached, ms", spread(found.warm_ms)),
        ("100,000 messages: data to screen, ms", spread(found.open_ms)),
        ("100,000 messages: frames/s while scrolling", spread(found.frames)),
        ("100,000 messages: heap after it, MB", spread(found.heap_mb)),
        ("keypress to paint, ms", spread(found.keys_ms)),
    )
    notes = (f"At most {found.rows} rows were in the document. Sending moved nothing else by {found.shift:.4f}.",)
    return [
        Table("The web client in Chromium", ("figure", "min / median / max"), rows, notes),
        budgets.table("Budgets of the web client", _verdicts(found), of="what", value="measured"),
    ]


def as_json(found: Figures) -> dict[str, Any]:
    return {**asdict(found), "budgets": budgets.as_json(_verdicts(found))}


def values(found: Figures) -> list[float]:
    """The values for BUDGETS, in their order."""
    return [
        median(found.cold_ms),
        median(found.warm_ms),
        median(found.open_ms),
        median(found.frames),
        max(found.heap_mb),
        percentile(found.keys_ms, 95),
        found.shift,
    ]


def _verdicts(found: Figures) -> list[Verdict]:
    return [budget.judge(value) for budget, value in zip(BUDGETS, values(found), strict=True)]


# --- parts


def _paints(browser: Browser, url: str) -> tuple[float, float]:
    """The largest contentful paint in ms of a first visit without a cache, and of the second visit."""
    with _context(browser) as context:
        found = []
        for _ in range(2):
            page = context.new_page()
            page.goto(url, wait_until="networkidle")
            page.get_by_role("button").first.wait_for()
            found.append(float(page.evaluate("largest")))
            page.wait_for_timeout(1_000)  # the service worker fills its cache
            page.close()
        return found[0], found[1]


def _history(
    browser: Browser, url: str, person: dict[str, str], conversation_id: str, scale: Scale
) -> tuple[float, float, float, int]:
    """The ms to open the long conversation, frames/s while scrolling, its heap in MB, and the number of rows."""
    with _context(browser) as context:
        page = _signed_in(context, url, person)
        context.route(
            f"**/conversations/{conversation_id}/messages?*",
            lambda route: _answer(route, conversation_id, person["id"]),
        )
        page.get_by_role("navigation").get_by_role("button", name="The long one").click()
        page.get_by_role("log").get_by_role("article").first.wait_for()
        page.wait_for_timeout(500)
        opened = float(page.evaluate("shownAt - dataAt"))
        session = context.new_cdp_session(page)
        session.send("Performance.enable")
        box = page.get_by_role("log").bounding_box() or {"x": 0, "y": 0, "width": 0, "height": 0}
        page.wait_for_timeout(500)
        before, began = page.evaluate("[frames, performance.now()]")
        session.send(
            "Input.synthesizeScrollGesture",
            {
                "x": int(box["x"] + box["width"] / 2),
                "y": int(box["y"] + box["height"] / 2),
                "yDistance": scale.scroll_px,
                "speed": 4_000,
                "gestureSourceType": "mouse",
            },
        )
        after, ended = page.evaluate("[frames, performance.now()]")
        rows = int(page.evaluate("document.querySelectorAll('[data-index]').length"))
        return opened, 1_000 * (after - before) / (ended - began), _heap_mb(session), rows


def _writing(
    browser: Browser, url: str, person: dict[str, str], conversation_id: str, scale: Scale
) -> tuple[list[float], float]:
    """The ms from each key to the paint that shows it, and the layout shift of sending messages."""
    with _context(browser) as context:
        page = _signed_in(context, url, person)
        page.get_by_role("navigation").get_by_role("button", name="The long one").click()
        box = page.get_by_label("Write a message")
        box.focus()
        for number in range(scale.keys):
            page.keyboard.press("abcdefghij "[number % 11])
            page.wait_for_timeout(40)
        keys = [float(each) for each in page.evaluate("keys")]
        box.fill("")
        page.wait_for_timeout(500)
        page.evaluate("shift = 0")
        for number in range(3):
            box.fill(f"a message {number}")
            box.press("Enter")
            page.get_by_role("log").get_by_text(f"a message {number}").wait_for()
            page.wait_for_timeout(500)
        return keys, float(page.evaluate("shift"))


# --- helpers


@contextmanager
def _context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(PROBE)
    try:
        yield context
    finally:
        context.close()


def _signed_in(context: BrowserContext, url: str, person: dict[str, str]) -> Page:
    page = context.new_page()
    page.goto(url)
    page.get_by_label("Username or e-mail address").fill(person["username"])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("navigation").get_by_role("button", name="The long one").wait_for()
    page.wait_for_timeout(1_000)
    return page


def _heap_mb(session: CDPSession) -> float:
    session.send("HeapProfiler.collectGarbage")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["JSHeapUsedSize"]) / 2**20


def _newcomer(http_url: str) -> tuple[dict[str, str], str]:
    mark = ids.new("web")[-10:].lower()
    username = f"perf_{mark}"
    fields = {"email": f"{username}@example.com", "username": username, "password": PASSWORD, "display_name": "Perf"}
    with httpx.Client(base_url=http_url, timeout=60) as http:
        made = http.post("/auth/register", json=fields).raise_for_status().json()
        headers = {"Authorization": f"Bearer {made['tokens']['access_token']}"}
        body = {"type": "group", "member_ids": [], "name": "The long one"}
        conversation = http.post("/conversations", json=body, headers=headers).raise_for_status().json()
    return {"id": made["user"]["id"], "username": username}, str(conversation["id"])


TEXT = "the quick brown fox jumps over a lazy dog while all of us talk of lunch and the next release"
WORDS = TEXT.split()


def _message(conversation_id: str, user_id: str, seq: int) -> dict[str, Any]:
    """A message of one to forty words, deterministic by `seq`; every second one by another person."""
    text = " ".join(WORDS[(seq * 7 + n * 3) % len(WORDS)] for n in range(1 + (seq * 13) % 40))
    reactions = [{"emoji": "👍", "count": 2, "mine": False}] if seq % 9 == 0 else []
    return {
        **dict.fromkeys(
            ("ciphertext", "reply_to", "thread_root", "forwarded_from", "poll", "edited_at", "deleted_at", "expires_at")
        ),
        "id": f"msg_{seq:06d}",
        "conversation_id": conversation_id,
        "seq": seq,
        "sender_id": user_id if seq % 2 else "usr_somebody",
        "client_id": f"c{seq}",
        "type": "text",
        "text": f"**{seq}** {text}",
        "attachments": [],
        "mentions": [],
        "mentions_all": False,
        "thread_count": 0,
        "pinned": False,
        "reactions": reactions,
        "metadata": {},
        "created_at": clock.rfc3339((1_700_000_000 + seq * 60) * clock.SECOND),
    }


def _answer(route: Route, conversation_id: str, user_id: str) -> None:
    query = {name: int(values[0]) for name, values in parse_qs(urlsplit(route.request.url).query).items()}
    limit = query.get("limit", 50)
    if "after" in query:
        seqs = list(range(query["after"] + 1, min(MESSAGES, query["after"] + limit) + 1))
    else:
        top = min(MESSAGES, query.get("before", MESSAGES + 1) - 1)
        seqs = list(range(top, max(0, top - limit), -1))
    route.fulfill(json={"items": [_message(conversation_id, user_id, seq) for seq in seqs], "next_cursor": None})
