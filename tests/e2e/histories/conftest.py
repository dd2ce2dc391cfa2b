"""People of the tests in this folder."""

from __future__ import annotations

import pytest

from tests.e2e.people import Person, Town


@pytest.fixture
def ada(town: Town) -> Person:
    return town.person("ada")


@pytest.fixture
def bob(town: Town) -> Person:
    return town.person("bob")
