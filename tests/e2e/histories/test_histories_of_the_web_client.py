"""R1, R7 for the web client's engine: all devices run it, in the same histories as the Python client.

SC_WEB_HISTORIES and SC_OPERATIONS set the number and length of histories, SC_SEED the first seed.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Sequence

import pytest

from tests.e2e.histories.campaign import Outcome, campaign
from tests.e2e.histories.web_device import WebDevice
from tests.e2e.histories.web_host import host, missing

HISTORIES = int(os.environ.get("SC_WEB_HISTORIES", "12"))
OPERATIONS = int(os.environ.get("SC_OPERATIONS", "40"))
FIRST_SEED = int(os.environ.get("SC_SEED", "1"))
SHOWN = 12


async def _campaign(http_url: str, seeds: Sequence[int]) -> Outcome:
    async with host() as running:
        make_device = functools.partial(WebDevice, host=running)
        return await campaign(http_url, seeds, operations=OPERATIONS, make_device=make_device)


def _report(seed: int, wrong: list[str]) -> str:
    command = f"SC_WEB_HISTORIES=1 SC_OPERATIONS={OPERATIONS} SC_SEED={seed} .venv/bin/python -m pytest {__file__}"
    return "\n  ".join([f"seed {seed}; again: {command}", *wrong[:SHOWN]])


@pytest.mark.skipif(missing() is not None, reason=f"the web client's engine cannot run: {missing()}")
def test_every_history_of_the_web_client_ends_with_everybody_knowing_what_they_may_know(
    endpoints: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = range(FIRST_SEED, FIRST_SEED + HISTORIES)
    outcome = asyncio.run(_campaign(endpoints["http_url"], seeds))
    with capsys.disabled():
        print(f"\n{outcome}")
    assert not outcome.wrong, "\n".join(_report(seed, wrong) for seed, wrong in sorted(outcome.wrong.items()))
    assert outcome.histories == HISTORIES
