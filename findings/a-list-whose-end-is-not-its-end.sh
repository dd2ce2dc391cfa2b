#!/usr/bin/env bash
# @tanstack/virtual-core 3.19.11 (npm), Chromium 156: a list of 500,000 messages ends at 466,036 and says "at the end".
#
# A good guess: a virtual list draws some twenty rows whatever their number is, so half a million of them are like a
# thousand, which is what it is for. `scrollToIndex(last)` shows the last one, and `isAtEnd()` (new this year, for chats)
# is true when it is seen.
# What happens: the box inside is as high as all rows, and Chromium lays out nothing higher than 33,554,428 pixels. With
# 72 pixels a row there are 34,000 messages below that nobody can scroll to, and it is the newest that are missing. The
# library counts from the height that the browser has: `scrollToIndex`, `scrollToEnd` and `isAtEnd()` say that all is
# well, while `getTotalSize()` has the other number. A photograph of 320 pixels in each row takes the limit to 104,858.
# For users: a room of years, or a log with all of it loaded, opens at a message of months ago, new ones appear to no one,
# and "jump to the newest" does nothing. Tests of ten thousand rows pass. Keep a window of rows and drop what is far away,
# or compare `getTotalSize()` with the box's `scrollHeight`.
# Source: https://github.com/TanStack/virtual/issues/460 (open since 2022), /issues/616 and /issues/998;
# https://github.com/dhilt/vscroll/issues/60; Chromium, LayoutUnit (26 bits of whole pixels);
# https://tanstack.com/virtual/latest/docs/api/virtualizer (isAtEnd, getTotalSize).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2
npm install --silent --no-fund --no-audit --prefix "$here" @tanstack/virtual-core@3.19.11 >/dev/null
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'EOP'
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import sync_playwright

ROW_PX, VIEW_PX, CHROMIUM_PX = 72, 600, 33_554_428
SHOW = """async ([count, rowPx, viewPx]) => {
  const core = await import("/node_modules/@tanstack/virtual-core/dist/esm/index.js");
  const box = document.createElement("div");
  const inner = document.createElement("div");
  box.style = `height: ${viewPx}px; overflow: auto`;
  box.append(inner);
  document.body.replaceChildren(box);
  const list = new core.Virtualizer({
    count, estimateSize: () => rowPx, getScrollElement: () => box, overscan: 0, onChange: () => {},
    scrollToFn: core.elementScroll, observeElementRect: core.observeElementRect,
    observeElementOffset: core.observeElementOffset,
  });
  list._didMount();
  list._willUpdate();
  inner.style.height = `${list.getTotalSize()}px`;
  list.scrollToIndex(count - 1, { align: "end" });
  await new Promise((resolve) => setTimeout(resolve, 500));
  box.scrollTop = Number.MAX_SAFE_INTEGER;
  await new Promise((resolve) => setTimeout(resolve, 500));
  return [list.getTotalSize(), box.scrollHeight, list.getVirtualItems().at(-1).index, list.isAtEnd()];
}"""


class Files(SimpleHTTPRequestHandler):
    """The installed library, and an empty page of the same origin."""

    def do_GET(self):
        if self.path.startswith("/node_modules/"):
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><script>process = { env: { NODE_ENV: 'production' } };</script><body>")

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory="."))
threading.Thread(target=server.serve_forever, daemon=True).start()
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    print("Chromium", browser.version)
    for count, row_px in ((10_000, ROW_PX), (466_000, ROW_PX), (500_000, ROW_PX), (120_000, 320)):
        total, height, last, at_end = page.evaluate(SHOW, [count, row_px, VIEW_PX])
        print(f"{count} rows of {row_px} px: {total} px, shown {height} px; last row seen {last}, isAtEnd() {at_end}")
        assert total == count * row_px and at_end
        assert height == min(total, CHROMIUM_PX), "another height is the largest: this finding is out of date"
        assert last == min(count, CHROMIUM_PX // row_px + 1) - 1, "all rows are seen now: this finding is out of date"
    browser.close()
EOP
