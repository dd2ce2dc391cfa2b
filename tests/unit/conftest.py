"""Unit tests have the settings of a process and its keys, and reach nothing outside of it."""

from __future__ import annotations

from typing import NoReturn

import pytest

from tests.conftest import SEED
from tests.support import rings


@pytest.fixture
def keys(settings: pytest.MonkeyPatch) -> None:
    """Keyrings from a seed, without a table and KMS."""
    rings.hold_all(SEED)


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that opens a connection."""

    def refuse(*_args: object) -> NoReturn:
        raise AssertionError("a unit test must not open a socket")

    monkeypatch.setattr("socket.socket.connect", refuse)
