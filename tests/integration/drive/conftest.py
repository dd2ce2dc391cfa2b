"""Who uploads in the tests of the drive."""

from __future__ import annotations

import pytest

from kernel.caller import Caller
from tests.integration.rooms import people


@pytest.fixture
def ada() -> Caller:
    return people("ada")[0]


@pytest.fixture
def cast() -> list[Caller]:
    return people("ada", "bob", "cyd")
