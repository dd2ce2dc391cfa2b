"""End-to-end tests: real HTTP and sockets against a deployed local stack, through the public API alone.

The stack is the one whose addresses stand in the file that SC_ENDPOINTS names (`make test` starts its own), or
the one that `make up` started.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from kernel import auth, clock, keyrings
from tests.e2e.people import BearerIssued, Person, Town
from tests.e2e.tools import at_once, seeds_of
from tests.e2e.windows import chromium
from tests.support import rings

ENDPOINTS = Path(os.environ.get("SC_ENDPOINTS", ".local/endpoints.json"))


@pytest.fixture(scope="session")
def endpoints_file() -> Path:
    if not ENDPOINTS.exists():
        pytest.fail(f"{ENDPOINTS} does not exist: run `make up` first, or `make test`")
    return ENDPOINTS


@pytest.fixture(scope="session")
def endpoints(endpoints_file: Path) -> dict[str, str]:
    addresses: dict[str, str] = json.loads(endpoints_file.read_text())
    return addresses


@pytest.fixture(scope="session")
def town(endpoints: dict[str, str]) -> Iterator[Town]:
    """Where people come from."""
    with contextlib.closing(Town(endpoints)) as town:
        yield town


@pytest.fixture
def ada(town: Town) -> Person:
    return town.person("ada")


@pytest.fixture
def bob(town: Town) -> Person:
    return town.person("bob")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser that windows of the web client are opened in; a module with other flags makes its own."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def crowd(town: Town) -> list[Person]:
    """More people than a conversation keeps a short list of (20), for tests that only need many."""
    return at_once([lambda: town.person("crowd")] * 22)


@pytest.fixture
def bearer_issued(endpoints: dict[str, str]) -> BearerIssued:
    """Headers with an access token as the stack would have made it then, with its own code and key."""
    rings.hold(keyrings.tokens, *seeds_of(endpoints, "tokens"))

    def issued(who: Person, ago_s: int) -> dict[str, str]:
        with clock.held(clock.now() - ago_s * clock.SECOND):
            return {"Authorization": f"Bearer {auth.issue(who.id, who.session_id)}"}

    return issued
