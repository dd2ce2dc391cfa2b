"""The README's promises for the first minutes: its tour works when pasted, and `make demo` shows what it says."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.__main__ import play

ROOT = Path(__file__).resolve().parents[3]
TOUR_S = 60
SEES = r"sees #\d+: "
VOTED = r"Which tea\? \(Assam 0, Sencha 1; "
STEPS = (  # a person, and what they see or do
    ("", "ada, bob and cleo are registered"),
    ("ada", "has a direct conversation with bob, and the group Tea"),
    ("ada", "sees that somebody is typing"),
    ("ada", r"acknowledged as #\d+"),
    ("bob", SEES + r"Hello Bob, is this thing on\?"),
    ("ada", SEES + r"Loud and clear\."),
    ("bob", SEES + "reaction 👍"),
    ("bob", r"sees edited #\d+: Hello Bob! Is this thing on\?"),
    ("bob", "loses the connection"),
    ("bob", SEES + r"Bob missed this one on the wire…"),
    ("bob", SEES + r"…and this one\."),
    ("ada", SEES + r"poll\.voted Which tea\? \(Assam \?, Sencha \?; open\)"),
    ("ada", r"has not voted: Which tea\? \(Assam \?, Sencha \?; open\)"),
    ("bob", rf"has voted: {VOTED}open\)"),
    ("ada", rf"{SEES}poll\.closed {VOTED}closed\)"),
    ("ada", r"has uploaded Tea\.txt: (processing|ready)"),
    ("bob", r"downloads Tea\.txt \(ready\): 22 bytes"),
    ("bob", SEES + "How to make tea"),
    ("ada", r"has a public link for one download: \w+"),
    ("bob", "has AI help by the provider embedded"),
    ("bob", r"is told: .*Decision: Decided: we meet on Friday at 16:30 in the kitchen\. \[\d\]"),
    ("bob", r"asks when they meet: “Decided: we meet on Friday .*” \[1\] from #\d+"),
    ("ada", SEES + r"member\.added Cleo"),
    ("bob", SEES + r"Hello both! I see nothing from before I came\."),
    ("cleo", SEES + r"Hello both! I see nothing from before I came\."),
    ("bob", r"has the whole of Tea: \['Bob missed this one .*', '…and this one\.', .*'Hello both! .*'\]"),
)


@pytest.fixture
def checkout(tmp_path: Path, endpoints_file: Path) -> Path:
    """A folder that the tour takes for the repository after `make up`."""
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "endpoints.json").symlink_to(endpoints_file.resolve())
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def tour() -> list[str]:
    """The commands of the README's tour, unchanged."""
    _, _, rest = (ROOT / "README.md").read_text(encoding="utf-8").partition(f"## A tour of {TOUR_S} seconds\n")
    return re.findall(r"^```bash\n(.*?)^```$", rest.partition("\n## ")[0], re.DOTALL | re.MULTILINE)


def paste(commands: str, where: Path) -> str:
    """The output of a shell for these commands, none of which may write to stderr."""
    done = subprocess.run(
        ["bash"], input=commands, cwd=where, capture_output=True, text=True, timeout=TOUR_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_tour_of_the_readme_works_as_pasted_within_its_time(checkout: Path) -> None:
    with_curl, with_the_client = tour()
    started = time.monotonic()
    sent, _, listed = paste(with_curl, checkout).partition("\n")
    *_, live = paste(with_the_client, checkout).splitlines()
    assert time.monotonic() - started < TOUR_S
    assert json.loads(sent)["text"] == "Hello Bob"
    assert json.loads(listed)["items"] == [json.loads(sent)]
    assert live.endswith(" message.created Hello Bob, live")


def test_the_demo_shows_each_of_its_steps(endpoints: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(play(endpoints["http_url"]))
    lines = [re.fullmatch(r" *\d+ ms  (\w*) +(.+)", line) for line in capsys.readouterr().out.splitlines()]
    said = [(line[1], line[2]) if line else ("", "") for line in lines]
    missing = [step for step in STEPS if not any(step[0] == who and re.fullmatch(step[1], what) for who, what in said)]
    assert missing == [], said
    numbered = [each for each in said if each[1].startswith("sees") and "#" in each[1]]
    assert len(set(numbered)) == len(numbered)  # nobody sees an event twice
    dropped = said.index(("bob", "loses the connection"))
    assert all(said.index(each) > dropped for each in said if each[0] == "bob" and "this one" in each[1])
    assert not any(who == "cleo" and "tea" in what for who, what in said)  # she sees nothing from before she joined
