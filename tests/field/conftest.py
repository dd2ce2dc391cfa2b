"""Cases from the field run in the cloud that moto plays, as the integration tests do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kernel import clock
from tests.integration.conftest import _in_the_cloud, _redis_server, redis

__all__ = ["_in_the_cloud", "_redis_server", "redis"]


@pytest.fixture
def advance() -> Iterator[Callable[[int], None]]:
    with clock.held(clock.now()) as advancing:
        yield advancing
