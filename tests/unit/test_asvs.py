"""The table of OWASP's ASVS names tests that exist, and each requirement once."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs/asvs.md"
REQUIREMENTS = 253  # of levels 1 and 2 in ASVS 5.0.0
MET = ("yes", "part", "no", "n/a")
_TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)


def _rows() -> list[list[str]]:
    lines = TABLE.read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| V")]


def test_each_requirement_stands_in_the_table_once() -> None:
    named = Counter(requirement for row in _rows() for requirement in row[0].split(", "))
    assert [requirement for requirement, times in named.items() if times > 1] == []
    assert all(re.fullmatch(r"V\d+\.\d+\.\d+", requirement) for requirement in named)
    assert len(named) == REQUIREMENTS


def test_each_says_whether_it_is_met_and_how() -> None:
    assert [row for row in _rows() if len(row) != 4 or row[1] not in MET or not row[2]] == []


def test_what_the_table_sums_up_is_what_it_says() -> None:
    counts = Counter(row[1] for row in _rows() for _ in row[0].split(", "))
    said = re.search(r"Of (\d+), (\d+) are met, (\d+) in part, (\d+) not, and (\d+) ask", TABLE.read_text())
    assert said is not None
    assert [int(each) for each in said.groups()] == [REQUIREMENTS, *(counts[each] for each in MET)]


def test_each_test_that_is_named_exists() -> None:
    there = {
        f"{path.name}::{name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in _TEST.findall(path.read_text())
    } | {path.name for path in (ROOT / "web/src").rglob("*.test.ts")}
    named = [name for row in _rows() for name in re.findall(r"`([^`]+)`", row[3])]
    assert len(named) > 100
    assert [name for name in named if name not in there] == []


def test_each_table_has_a_level() -> None:
    text = (ROOT / "docs/security.md").read_text()
    levels = text.partition("## Levels of data")[2].partition("\n## ")[0]
    named = Counter(name for row in levels.splitlines() if row.startswith("| **") for name in _tables_in(row))
    deployed = re.findall(r"TableName: !Sub \"\$\{\w+\}-(\w+)\"", (ROOT / "infra/data.yaml").read_text())
    assert len(deployed) > 30
    assert named == Counter(deployed)


def _tables_in(row: str) -> list[str]:
    return re.findall(r"`(\w+)`", row.split("|")[3])
