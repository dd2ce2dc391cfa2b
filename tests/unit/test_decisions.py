"""The log of decisions: each stands there once, and has a number, by which code and documents name it."""

from __future__ import annotations

import re
from collections import Counter

from tests.tools import ROOT


def test_each_decision_stands_there_once_with_a_number_of_its_own() -> None:
    entries = re.findall(r"^(\d+)\. (.+)", (ROOT / "docs/decisions.md").read_text(), re.MULTILINE)
    numbers, texts = zip(*entries, strict=True)
    for each in (numbers, texts):
        assert [value for value, times in Counter(each).items() if times > 1] == []
    assert len(entries) > 100
