"""R1, R5, R6, R7: whatever happens to people's devices, everybody ends with exactly the log that they may see.

SC_HISTORIES and SC_OPERATIONS set the number and length of histories, SC_SEED the first seed; a failure shows the
command that repeats it.
"""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.e2e.histories.campaign import campaign

HISTORIES = int(os.environ.get("SC_HISTORIES", "100"))
OPERATIONS = int(os.environ.get("SC_OPERATIONS", "40"))
FIRST_SEED = int(os.environ.get("SC_SEED", "1"))
SHOWN = 12


def _report(seed: int, wrong: list[str]) -> str:
    command = f"SC_HISTORIES=1 SC_OPERATIONS={OPERATIONS} SC_SEED={seed} .venv/bin/python -m pytest {__file__}"
    more = [f"… and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
    return "\n  ".join([f"seed {seed}; again: {command}", *wrong[:SHOWN], *more])


def test_every_history_ends_with_everybody_knowing_what_they_may_know(
    endpoints: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = range(FIRST_SEED, FIRST_SEED + HISTORIES)
    outcome = asyncio.run(campaign(endpoints["http_url"], seeds, operations=OPERATIONS))
    with capsys.disabled():
        print(f"\n{outcome}")
    assert not outcome.wrong, "\n".join(_report(seed, wrong) for seed, wrong in sorted(outcome.wrong.items()))
    assert outcome.histories == HISTORIES
