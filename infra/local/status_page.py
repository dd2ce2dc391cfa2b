"""The overview as a page that the local cloud serves at /_secureconnect/status, with a plot for each panel.

It is plain HTML without a script and reloads every ten seconds.
"""

from __future__ import annotations

import asyncio
import html
import json
import os
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from infra.local.config import Instance
from infra.local.figures import Figures
from infra.local.overview import PERIODS, Overview, Panel, overview
from infra.local.patching import wrap
from infra.local.stack import Stack
from infra.local.watch import number

PATH = "/_secureconnect/status"
AGAIN_S = 10
COLOURS = ("#1f6feb", "#bf3989", "#1a7f37", "#9a6700", "#8250df")
WIDTH, HEIGHT = 300, 80
STYLE = """
body{font:14px/1.4 system-ui,sans-serif;margin:1.5rem;color:#1f2328;background:#fff}
h1{font-size:1.3rem}h2{font-size:.95rem;margin:0 0 .3rem}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(320px,1fr));gap:1rem}
section{border:1px solid #d0d7de;border-radius:6px;padding:.7rem}
svg{width:100%;height:80px;background:#f6f8fa}.bad{color:#a40e26;font-weight:600}.good{color:#116329;font-weight:600}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.1rem .5rem .1rem 0;font-weight:400}
td:last-child{text-align:right}
"""

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def apply(home: Path) -> None:
    """Have MiniStack serve the page of the instance in this folder."""
    wrap("ministack.app", "app", lambda app: _serving(app, _Page(home)))


class _Page:
    """The page of one instance; simultaneous readers get the same reading."""

    def __init__(self, home: Path) -> None:
        self._instance = Instance("default", int(os.environ.get("GATEWAY_PORT", "4566")), 0, home)
        self._one_at_a_time = threading.Lock()
        self._figures: Figures | None = None

    def read(self) -> tuple[int, str]:
        """The HTTP status and the page."""
        if not self._instance.endpoints_file.exists():
            return 503, "the stack is not deployed yet: make up"
        http_url = json.loads(self._instance.endpoints_file.read_text())["http_url"]
        with self._one_at_a_time:
            self._figures = self._figures or Figures(Stack(self._instance))
            return 200, rendered(overview(self._figures, http_url))


def _serving(app: Asgi, page: _Page) -> Asgi:
    async def serving(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await app(scope, receive, send)
            return
        status, text = await asyncio.get_running_loop().run_in_executor(None, page.read)
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})

    return serving


def rendered(found: Overview) -> str:
    """The overview as HTML."""
    told = html.escape
    to_do = "".join(
        f"<li><span class=bad>{told(each.name)}</span>: {told(each.says)}. <b>{told(each.runbook)}</b></li>"
        for each in found.to_do
    )
    checks = "".join(
        f"<tr><th scope=row>{told(name)}</th><td>{told(check['status'])}, breaker {told(check['breaker'])}</td>"
        f"<td>{check['latency_ms']:.0f} ms</td></tr>"
        for name, check in found.health["checks"].items()
    )
    mood = "good" if found.verdict == "well" else "bad"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{told(found.stack)}: {told(found.verdict)}'
        f'</title><meta http-equiv="refresh" content="{AGAIN_S}"><style>{STYLE}</style></head><body>'
        f"<h1>{told(found.stack)} is <span class={mood}>{told(found.verdict)}</span></h1>"
        f"<p>{time.strftime('%T', time.localtime(found.at))}, the last {PERIODS} minutes, a point a minute.</p>"
        f"<h2>What to do now</h2>{f'<ul>{to_do}</ul>' if to_do else '<p>Nothing.</p>'}"
        f"<h2>What it costs</h2><p>{told(found.cost)}</p>"
        f"<div class=panels><section><h2>Dependencies</h2><table>{checks}</table></section>"
        f"{''.join(_panel(each) for each in found.panels)}</div></body></html>"
    )


def _panel(panel: Panel) -> str:
    top = max((value for line in panel.lines for value in line.values if value is not None), default=0.0) or 1.0
    lines = "".join(
        f'<polyline fill="none" stroke="{COLOURS[n % len(COLOURS)]}" stroke-width="1.5" points="{points}"/>'
        for n, line in enumerate(panel.lines)
        for points in _runs(line.values, top)
    )
    legend = "".join(
        f'<tr><th scope=row style="color:{COLOURS[n % len(COLOURS)]}">{html.escape(line.label)}</th>'
        f"<td>{number(line.last)}</td></tr>"
        for n, line in enumerate(panel.lines)
    )
    title = html.escape(panel.title)
    return (
        f'<section><h2>{title}</h2><svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{title}, at most {number(top)}">{lines}</svg><table>{legend}</table></section>'
    )


def _runs(values: list[float | None], top: float) -> list[str]:
    """The points of each stretch without a gap; a value by itself is a short dash."""
    step, runs, current = WIDTH / max(1, len(values) - 1), [], []
    for n, value in enumerate([*values, None]):
        if value is not None:
            current.append((n * step, HEIGHT - 2 - value / top * (HEIGHT - 4)))
        elif current:
            runs.append(current if len(current) > 1 else [current[0], (current[0][0] + 2, current[0][1])])
            current = []
    return [" ".join(f"{x:.1f},{y:.1f}" for x, y in run) for run in runs]
