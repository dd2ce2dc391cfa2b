"""Audits screens of the web client with axe-core."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.e2e.histories.web_host import WEB

AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
# Themes differ in colours only, so the second one is audited by the rules on colours alone.
THEMES = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "dark": ["color-contrast", "link-in-text-block"],
}
RUN = """runOnly => axe.run(document, { runOnly }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ html, any, all, none }) =>
        `${id}: ${html.slice(0, 160)} ${[...any, ...all, ...none][0]?.message ?? ""}`)))"""


def audit(page: Page, screen: str) -> list[str]:
    """The violations of WCAG 2.2 AA and of best practices on the present screen, in both themes; one line each."""
    if not page.evaluate("'axe' in window"):
        session = page.context.new_cdp_session(page)  # the debugger is not subject to the page's policy
        session.send("Runtime.evaluate", {"expression": AXE.read_text()})
        session.detach()
    found = []
    for theme, rules in THEMES.items():
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        page.wait_for_timeout(150)  # colours change over 120 ms
        found += [f"{screen} ({theme}): {each}" for each in page.evaluate(RUN, rules)]
    page.evaluate("delete document.documentElement.dataset.theme")
    return found
