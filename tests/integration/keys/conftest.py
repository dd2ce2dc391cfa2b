"""The people of the tests of keys."""

from __future__ import annotations

import pytest

from tests.helpers import Person, someone


@pytest.fixture
def ada() -> Person:
    return someone("ada")


@pytest.fixture
def bob() -> Person:
    return someone("bob")
