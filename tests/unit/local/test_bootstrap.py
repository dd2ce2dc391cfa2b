"""The environment's bootstrap says what is wrong before anything is installed."""

import pytest

from infra.local import bootstrap


def test_too_little_disk_is_said_with_what_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bootstrap.check_disk(100)
    said = capsys.readouterr().err
    assert "100 MB of disk are free" in said
    assert "What to do:" in said


def test_enough_disk_is_not_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    bootstrap.check_disk(bootstrap.DISK_NEEDED_MB)
    assert capsys.readouterr().err == ""


def test_this_interpreter_is_taken_when_it_fits() -> None:
    assert bootstrap.find_python()


def test_an_interpreter_of_another_version_is_not_healthy() -> None:
    assert not bootstrap.healthy([(2, 7)])
