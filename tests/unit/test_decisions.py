"""The log of decisions: each has a number, by which code and documents name it."""

from __future__ import annotations

import re
from collections import Counter

from tests.tools import ROOT


def test_each_decision_has_a_number_of_its_own() -> None:
    numbers = re.findall(r"^(\d+)\. ", (ROOT / "docs/decisions.md").read_text(), re.MULTILINE)
    assert [number for number, times in Counter(numbers).items() if times > 1] == []
    assert len(numbers) > 100
