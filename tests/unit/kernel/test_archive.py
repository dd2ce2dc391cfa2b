"""How modules of Python itself are found where functions run (the archives: tests/infra/test_precompile.py)."""

import importlib.util
import py_compile
from pathlib import Path

import pytest

from kernel import archive

NAME = "colorsys"  # any module of Python's library


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of a Python whose library has one compiled module and one package."""
    for name in (f"{NAME}.py", "json/__init__.py", "json/decoder.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("VALUE = 'compiled'")
        py_compile.compile(str(tmp_path / name))
        (tmp_path / name).write_text("VALUE = 'source'")
    return tmp_path


def value(name: str, home: Path) -> str:
    """The content of a module of this Python."""
    finder = archive._OfPython()
    finder._home, finder._folders = str(home), [str(home)]
    spec = finder.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert Path(str(module.__file__)).is_relative_to(home)
    return str(module.VALUE)


def test_compiled_files_of_python_are_not_compared_with_their_sources(home: Path) -> None:
    assert [value(name, home) for name in (NAME, "json", "json.decoder")] == ["compiled"] * 3


def test_those_of_another_version_are_not_used(home: Path) -> None:
    compiled = Path(importlib.util.cache_from_source(str(home / f"{NAME}.py")))
    compiled.write_bytes(b"old!" + compiled.read_bytes()[4:])
    assert value(NAME, home) == "source"


def test_a_module_that_is_not_compiled_is_found_as_ever(home: Path) -> None:
    Path(importlib.util.cache_from_source(str(home / f"{NAME}.py"))).unlink()
    assert value(NAME, home) == "source"


def test_a_package_has_its_folder_and_others_are_not_python_s(home: Path) -> None:
    finder = archive._OfPython()
    finder._home = str(home)
    found = finder.find_spec("json")
    assert found is not None
    assert found.submodule_search_locations == [str(home / "json")]
    assert finder.find_spec("pydantic") is None
