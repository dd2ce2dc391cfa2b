"""The short selection of the chaos suite (R48) on the stack of these tests; `make chaos` runs all of it."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from tests.chaos.__main__ import run
from tests.chaos.cells import all_cells, short_cells
from tests.e2e.tools import instance_at

SEED = int(os.environ.get("SC_SEED", "1"))


def test_whatever_fails_people_are_answered_in_time_and_nothing_acknowledged_is_lost(
    endpoints: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        failed = run(instance_at(endpoints), short_cells(), SEED)
    assert not failed


def test_every_cell_of_the_short_selection_is_one_of_the_whole_and_there_are_a_hundred() -> None:
    assert set(short_cells()) <= set(all_cells())
    assert len(all_cells()) >= 100
