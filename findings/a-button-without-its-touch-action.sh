#!/usr/bin/env bash
# react-aria-components 1.22.1 under `default-src 'self'`: a style of its own is refused, and its buttons lose it.
#
# A good guess: components without styles, as these call themselves, need nothing of a policy for styles, so a static
# page with a strict Content-Security-Policy shows them as any other page does.
# What happens: the first pressable one puts a <style> into the head, with the touch-action that keeps a double tap from
# zooming. Chromium 156 refuses it: `touch-action` of the button is `auto` instead of `manipulation`, and each page load
# makes a violation report (style-src-elem, inline). Since this year the element takes a nonce from a <meta
# property="csp-nonce">; a page from a bucket or CDN has no nonce of its own for each load.
# For users: quick taps on a telephone zoom the chat, and reports drown those that matter. Give
# [data-react-aria-pressable] its touch-action in a style sheet of your own; the report stays.
# Source: https://github.com/adobe/react-spectrum/issues/8273, https://github.com/adobe/react-spectrum/pull/9655 (2026);
# https://www.w3.org/TR/CSP3/#directive-style-src-elem.
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2
npm install --silent --no-fund --no-audit --prefix "$here" \
    react@19.3.1 react-dom@19.3.1 react-aria-components@1.22.1 esbuild@0.28.2 >/dev/null
cat >"$here/app.jsx" <<'EOF'
import { Button } from "react-aria-components";
import { createRoot } from "react-dom/client";
createRoot(document.getElementById("root")).render(<Button>send</Button>);
EOF
"$here/node_modules/.bin/esbuild" "$here/app.jsx" --bundle --minify --jsx=automatic --log-level=error \
    '--define:process.env.NODE_ENV="production"' --outfile="$here/app.js"
"$here/venv/bin/python" - "$here/app.js" "$(command -v chromium)" <<'EOF'
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

SCRIPT = Path(sys.argv[1]).read_bytes()
PAGE = b'<!doctype html><title>chat</title><div id="root"></div><script src="app.js"></script>'


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body, kind = (SCRIPT, "text/javascript") if self.path == "/app.js" else (PAGE, "text/html")
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/strict":
            self.send_header("Content-Security-Policy", "default-src 'self'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
threading.Thread(target=server.serve_forever, daemon=True).start()
LISTEN = "refused = []; addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));"
LOOK = "() => [getComputedStyle(document.querySelector('button')).touchAction, ...refused]"
DONE = "document.getElementById('react-aria-pressable-style')?.sheet || refused.length"
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[2], args=["--no-sandbox"])
    seen = []
    for path in ("free", "strict"):
        page = browser.new_page()
        page.add_init_script(LISTEN)
        page.goto(f"http://127.0.0.1:{server.server_port}/{path}")
        page.wait_for_function(DONE)
        seen.append(page.evaluate(LOOK))
    print("chromium", browser.version, "without a policy:", *seen[0], " with one:", *seen[1])
    browser.close()
assert seen == [["manipulation"], ["auto", "style-src-elem"]]
EOF
