"""The app of notes, and the lines that its calls write."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kernel.http import App
from tests.tools import Lines, captured_lines
from tests.unit.kernel.notes_app import notes_app


@pytest.fixture
def app() -> App:
    return notes_app()


@pytest.fixture
def lines(settings: pytest.MonkeyPatch) -> Iterator[Lines]:
    with captured_lines() as found:
        yield found
