"""The availability that is promised is computed from its parts (R50)."""

from __future__ import annotations

import re
from math import floor, prod

from tests.tools import ROOT

TEXT = (ROOT / "docs/availability.md").read_text()
MINUTES_OF_A_MONTH = 30 * 24 * 60


def _parts() -> dict[str, float]:
    return {name: float(share) for name, share in re.findall(r"^\| ([\w ]+) \| ([\d.]+) \|$", TEXT, re.MULTILINE)}


def test_each_promise_is_the_product_of_what_it_needs() -> None:
    promises = re.findall(r"^\| ([^|]+) \| ([A-Z][^|]+) \| ([\d.]+) \|$", TEXT, re.MULTILINE)
    assert len(promises) == 4
    for what, needs, promised in promises:
        product = 100 * prod(_parts()[part] / 100 for part in needs.split(", "))
        assert floor(product * 100) / 100 == float(promised), what


def test_the_sentence_says_what_the_table_says() -> None:
    found = re.search(r"\*\*([\d.]+) % of sends and sign-ins\*\* .*?: (\d+) minutes of a month", TEXT)
    assert found is not None
    assert f"| {found[1]} |" in TEXT
    assert round((1 - float(found[1]) / 100) * MINUTES_OF_A_MONTH) == int(found[2])
