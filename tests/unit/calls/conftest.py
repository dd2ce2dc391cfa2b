"""Calls without a cloud: settings only."""

import pytest


@pytest.fixture(autouse=True)
def _settings(settings: pytest.MonkeyPatch, no_sockets: None) -> None:
    """Every test here has the environment of a function and reaches nothing."""
