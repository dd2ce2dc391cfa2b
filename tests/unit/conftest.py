"""Unit tests have the settings of a process and its keys, and reach nothing outside of it."""

from __future__ import annotations

import json
import time
from typing import NoReturn

import pytest

from kernel import secrets
from tests.conftest import SEED


@pytest.fixture
def keys(settings: pytest.MonkeyPatch) -> None:
    """Keys from a seed, without Secrets Manager."""
    secrets.keyring._seeds = secrets.parse(json.dumps({"seed": SEED}))
    secrets.keyring._read_at = time.monotonic()


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that opens a connection."""

    def refuse(*_args: object) -> NoReturn:
        raise AssertionError("a unit test must not open a socket")

    monkeypatch.setattr("socket.socket.connect", refuse)
