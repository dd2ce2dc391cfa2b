"""A clock that stands until a test moves it on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kernel import clock
from tests.integration.messages.scheduling import Advance


@pytest.fixture
def advance() -> Iterator[Advance]:
    with clock.held(clock.now()) as advancing:
        yield advancing
