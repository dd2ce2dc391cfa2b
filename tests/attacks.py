"""Counts the attacks that tests try: a test with the mark `attack` passes if all of its attacks are refused.

`@pytest.mark.attack(12)` is a test of twelve attacks; without a number it is one. Random inputs do not count.
`pytest -m attack tests/unit tests/integration` tries those that need no stack; the figure ends each run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

NAME = "attack"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{NAME}(number): what the test tries has to be refused (tests/attacks.py)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if mark := item.get_closest_marker(NAME):
            item.user_properties.append((NAME, mark.args[0] if mark.args else 1))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    passed, failed = (_number(terminalreporter.getreports(outcome)) for outcome in ("passed", "failed"))
    if passed or failed:
        terminalreporter.write_line(f"attacks: {passed + failed} tried, {passed} refused")


def _number(reports: Iterable[pytest.TestReport]) -> int:
    """The attacks of these tests; a test has a report of its set-up and its end, too."""
    called = (each for each in reports if each.when == "call")
    kept = (value for each in called for name, value in each.user_properties if name == NAME)
    return sum(value for value in kept if isinstance(value, int))
