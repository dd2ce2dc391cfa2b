"""End-to-end tests: real HTTP and sockets against a deployed local stack, only through the public API.

The addresses of the stack are in the file named by SC_ENDPOINTS (`make test` starts a stack of its own); without it,
the stack is that of `make up`.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from kernel import auth, clock, keyrings
from tests.e2e.people import BearerIssued, Person, Town
from tests.e2e.tools import at_once, seeds_of
from tests.e2e.web.windows import chromium, window_of
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
def succeeded(endpoints_file: Path) -> Path:
    """The file of the operations that have succeeded since the stack's data were wiped."""
    return endpoints_file.parent / "succeeded_operations"


@pytest.fixture(scope="session")
def town(endpoints: dict[str, str], succeeded: Path) -> Iterator[Town]:
    """Makes people for the tests of a session."""
    with contextlib.closing(Town(endpoints, succeeded=succeeded)) as town:
        yield town


@pytest.fixture(scope="module")
def ada(town: Town) -> Person:
    """A person whose account no test changes, and whose first session none ends."""
    return town.person("ada")


@pytest.fixture(scope="module")
def bob(town: Town) -> Person:
    return town.person("bob")


@pytest.fixture(scope="module")
def cleo(town: Town) -> Person:
    return town.person("cleo")


@pytest.fixture(scope="module")
def dan(town: Town) -> Person:
    return town.person("dan")


@pytest.fixture
def tea(ada: Person, bob: Person) -> str:
    """A group of Ada (owner) and Bob, new for each test."""
    return ada.group_with(bob)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser for windows of the web client; a module that needs other flags starts its own."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, endpoints: dict[str, str]) -> Iterator[Any]:
    """Opens windows of signed-in people; all are closed at the end of the test."""
    with ExitStack() as windows:
        yield lambda person, **settings: windows.enter_context(window_of(browser, endpoints, person, **settings))


@pytest.fixture(scope="session")
def crowd(town: Town) -> list[Person]:
    """More people than a conversation's short member list holds (20), for tests that only need many."""
    return at_once([lambda: town.person("crowd")] * 22)


@pytest.fixture
def bearer_issued(endpoints: dict[str, str]) -> BearerIssued:
    """Makes headers with an access token as the stack would have issued it at that time, with its own code and key."""
    rings.hold(keyrings.tokens, *seeds_of(endpoints, "tokens"))

    def issued(who: Person, ago_s: int) -> dict[str, str]:
        with clock.held(clock.now() - ago_s * clock.SECOND):
            return {"Authorization": f"Bearer {auth.issue(who.id, who.session_id)}"}

    return issued
