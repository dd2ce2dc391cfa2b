"""R1, R56: whatever happens to the devices of an encrypted group, all members can read its messages, and nobody else.

The devices are of both clients; of the web client only if Node.js is installed.

SC_ENCRYPTED_HISTORIES and SC_OPERATIONS set the number and length of histories, SC_SEED the first seed; a failure shows
the command that repeats it.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.e2e.histories.campaign import Outcome, Story, run_all
from tests.e2e.histories.encrypted_device import PythonDevice
from tests.e2e.histories.encrypted_history import DeviceFactory, EncryptedHistory
from tests.e2e.histories.encrypted_plan import Kind, encrypted_plan
from tests.e2e.histories.encrypted_web_device import WebDevice
from tests.e2e.histories.people import Person
from tests.e2e.histories.web_host import host, missing

HISTORIES = int(os.environ.get("SC_ENCRYPTED_HISTORIES", "3"))
OPERATIONS = int(os.environ.get("SC_OPERATIONS", "40"))
FIRST_SEED = int(os.environ.get("SC_SEED", "1"))
SHOWN = 12


async def _campaign(http_url: str, seeds: Sequence[int]) -> Outcome:
    async with AsyncExitStack() as stack:
        factories: dict[Kind, DeviceFactory] = {"python": PythonDevice}
        if missing() is None:
            factories["web"] = functools.partial(WebDevice, host=await stack.enter_async_context(host()))

        def begin(seed: int, people: list[Person], inner: httpx.AsyncBaseTransport) -> Story:
            plan = encrypted_plan(seed, OPERATIONS, kinds=tuple(factories))
            return EncryptedHistory(plan, people, http_url=http_url, inner=inner, factories=factories)

        return await run_all(http_url, seeds, begin)


def _report(seed: int, wrong: list[str]) -> str:
    command = (
        f"SC_ENCRYPTED_HISTORIES=1 SC_OPERATIONS={OPERATIONS} SC_SEED={seed} .venv/bin/python -m pytest {__file__}"
    )
    return "\n  ".join([f"seed {seed}; again: {command}", *wrong[:SHOWN]])


def test_in_every_history_of_an_encrypted_group_its_members_read_what_was_said_and_nobody_else(
    endpoints: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = asyncio.run(_campaign(endpoints["http_url"], range(FIRST_SEED, FIRST_SEED + HISTORIES)))
    with capsys.disabled():
        print(f"\n{outcome}")
    assert not outcome.wrong, "\n".join(_report(seed, wrong) for seed, wrong in sorted(outcome.wrong.items()))
    assert outcome.histories == HISTORIES
    assert outcome.deliveries > 0
