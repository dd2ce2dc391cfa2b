"""A step of the driver shows that it goes on, in a terminal, and what became of it everywhere."""

import io
import time

import pytest

from infra.local import console
from infra.local.console import step


class Terminal(io.StringIO):
    """An output that is shown to somebody."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_what_a_step_does_until_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr(console, "EVERY_S", 0.01)
    with step("Build") as current:
        current.doing = lambda: "RuntimeLayer"
        until = time.monotonic() + 10
        while "RuntimeLayer" not in terminal.getvalue() and time.monotonic() < until:
            time.sleep(0.01)
        current.note = "2 artifacts"

    shown = terminal.getvalue()
    assert f"\r{'Build':<34}{'RuntimeLayer':<28}    0." in shown
    last = shown.rpartition("\r")[2]
    assert last.startswith(f"{'Build':<34}2 artifacts ")
    assert last.endswith(" s\n")


def test_a_file_gets_one_line_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    with step("Build") as current:
        current.note = "unchanged"
    with pytest.raises(ValueError, match="no"), step("Deploy"):
        raise ValueError("no")

    built, failed = capsys.readouterr().out.splitlines()
    assert built.split() == ["Build", "unchanged", "0.0", "s"]
    assert failed.split() == ["Deploy", "failed", "after", "0.0", "s"]
