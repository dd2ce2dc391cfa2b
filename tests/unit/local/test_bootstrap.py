"""The environment's bootstrap says what is wrong before anything is installed."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import bootstrap
from infra.local.config import DEFAULT_RUNTIME, RUNTIMES
from tests.tools import template

ROOT = Path(bootstrap.ROOT)


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
    assert bootstrap.find_python((3, 12, 1), bootstrap.nowhere) == sys.executable


def test_one_that_fits_is_found_beside_one_that_does_not() -> None:
    others = {"python3.12": "/usr/bin/python3.12", "python3.13": "/usr/bin/python3.13"}
    assert bootstrap.find_python((3, 14, 0), others.get) == "/usr/bin/python3.12"


@pytest.mark.parametrize(
    ("running", "why"),
    [((3, 14, 0), "not\n  those that it is tested with"), ((3, 9, 18), "older ones lack")],
)
def test_a_python_that_does_not_fit_is_refused_with_the_reason(
    running: tuple[int, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        bootstrap.find_python(running, bootstrap.nowhere)
    said = capsys.readouterr().err
    assert f"Python {'.'.join(map(str, running))} cannot run SecureConnect; it needs 3.11, 3.12 or 3.13" in said
    assert why in said
    assert "make up PYTHON=python3.12" in said


def test_the_runtimes_are_those_of_the_template() -> None:
    runtime = template("template.yaml")["Parameters"]["PythonRuntime"]
    assert runtime["AllowedValues"] == list(RUNTIMES)
    assert runtime["Default"] == DEFAULT_RUNTIME


def test_an_interpreter_of_another_version_is_not_healthy() -> None:
    assert not bootstrap.healthy([(2, 7)])


def included(name: str) -> Iterator[str]:
    """A requirements file, what it includes by -r, and the projects that it installs in place."""
    yield name
    for option, path in re.findall(r"^-(r|e) *(\S+)$", (ROOT / name).read_text(), re.MULTILINE):
        if option == "e":
            yield f"{path.removeprefix('./')}/pyproject.toml"  # pip resolves it from where it runs
        else:
            yield from included(str((ROOT / name).parent.joinpath(path).relative_to(ROOT)))


def test_a_change_of_any_file_that_the_requirements_include_renews_the_environment() -> None:
    assert sorted(bootstrap.FILES) == sorted(included("requirements.txt"))


def test_uv_uses_the_indexes_that_pip_is_configured_with() -> None:
    configured = """
:env:.cert='/etc/ssl/ca.crt'
:env:.default-timeout='180'
global.extra-index-url='https://more.example/simple file:///srv/simple'
global.index-url='https://pypi.example/simple'
"""
    given = bootstrap.uv_environment(configured)
    assert given["UV_DEFAULT_INDEX"] == "https://pypi.example/simple"
    assert given["UV_INDEX"] == "https://more.example/simple file:///srv/simple"
    assert given["SSL_CERT_FILE"] == "/etc/ssl/ca.crt"


@pytest.mark.parametrize(
    ("failing", "tried"),
    [
        ([], ["uv wanted", "by uv", "compiled aside"]),
        (["by uv"], ["uv wanted", "by uv", "by pip"]),
        (["uv wanted"], ["uv wanted", "by pip"]),
    ],
)
def test_pip_installs_where_uv_does_not(
    failing: list[str], tried: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done: list[str] = []

    def ran(command: list[str], environment: object = None) -> bool:
        by_pip = "by uv" if "uv" in command else "by pip"
        done.append("uv wanted" if bootstrap.INSTALLER in command else by_pip)
        return done[-1] not in failing

    monkeypatch.setattr(bootstrap, "LOG", str(tmp_path / "log"))
    monkeypatch.setattr(bootstrap, "VENV_PYTHON", sys.executable)
    monkeypatch.setattr(bootstrap, "ran", ran)
    monkeypatch.setattr(bootstrap, "compile_aside", lambda: done.append("compiled aside"))
    bootstrap.install()
    assert done == tried


def test_what_neither_installs_is_told_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are run in earnest, without an index to find anything in."""
    (tmp_path / "requirements.txt").write_text("no-such-package-of-ours==1\n")
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    monkeypatch.setattr(bootstrap, "LOG", str(tmp_path / "log"))
    monkeypatch.setattr(bootstrap, "VENV_PYTHON", sys.executable)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(SystemExit):
        bootstrap.install()
    assert "No matching distribution found for no-such-package-of-ours==1" in capsys.readouterr().err


def test_what_uv_installed_is_compiled_by_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "module.py").write_text("x = 1\n")
    monkeypatch.setattr(bootstrap, "LOG", str(tmp_path / "log"))
    monkeypatch.setattr(bootstrap, "VENV", str(tmp_path))
    monkeypatch.setattr(bootstrap, "VENV_PYTHON", sys.executable)
    bootstrap.compile_aside().wait(timeout=30)
    assert list((tmp_path / "lib" / "__pycache__").glob("module.*.pyc"))
