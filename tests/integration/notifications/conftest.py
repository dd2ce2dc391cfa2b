"""A push service on the loopback, and the way to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kernel import config
from tests.conftest import Cloud
from tests.integration.notifications.hearing import World
from tests.support.push_services import web_push_service


@pytest.fixture
def world(cloud: Cloud, settings: pytest.MonkeyPatch) -> Iterator[World]:
    """People's browsers, the stream, the queues."""
    settings.setenv("LOOPBACK_TARGETS", "on")
    config.config.cache_clear()
    with web_push_service() as service:
        yield World(service)
