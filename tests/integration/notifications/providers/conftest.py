"""Providers talk to servers on the loopback; of the cloud they need nothing but a key."""

from __future__ import annotations

import pytest

from kernel import keyrings
from tests.conftest import SEED
from tests.support import rings


@pytest.fixture(autouse=True)
def _in_the_cloud(settings: pytest.MonkeyPatch) -> None:
    """In place of the tables that other integration tests have."""
    rings.hold(keyrings.web_push, SEED)
