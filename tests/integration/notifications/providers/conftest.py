"""Providers talk to servers on the loopback; of the cloud they need nothing but a key."""

from __future__ import annotations

import json
import time

import pytest

from kernel import secrets
from tests.conftest import SEED


@pytest.fixture(autouse=True)
def _in_the_cloud(settings: pytest.MonkeyPatch) -> None:
    """In place of the tables that other integration tests have."""
    secrets.vapid_keyring._seeds = secrets.parse(json.dumps({"seed": SEED}))
    secrets.vapid_keyring._read_at = time.monotonic()
