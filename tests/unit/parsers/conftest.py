"""These tests have the keys of a process and reach nothing outside of it."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _alone(keys: None, no_sockets: None) -> None:
    """See tests/unit/conftest.py."""
