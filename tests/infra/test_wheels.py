"""The compiled packages of the layers load with the C library of every runtime that the template allows."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

from infra.building import wheels
from infra.local.config import RUNTIMES
from tests.tools import ROOT

LAYERS = sorted((ROOT / "layers").glob("*/requirements.txt"))


def _library(path: Path, *versions: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF" + b"".join(b"\0GLIBC_" + version.encode() for version in versions) + b"\0")
    return path


def test_what_a_library_needs_is_the_newest_version_it_names(tmp_path: Path) -> None:
    assert wheels.needed(_library(tmp_path / "a.so", "2.2.5", "2.17", "2.4")) == (2, 17)
    assert wheels.needed(_library(tmp_path / "b.so")) == (0, 0)


def test_a_library_that_the_runtime_cannot_load_is_found_in_a_build(tmp_path: Path) -> None:
    _library(tmp_path / "RuntimeLayer/python/fits.so", "2.34")
    newer = _library(tmp_path / "MediaLayer/python/newer.cpython-313.so.1", "2.35")
    assert list(wheels.too_new(tmp_path, "python3.13")) == [(newer, (2, 35))]


def test_what_failed_on_python_3_11_would_have_been_found(tmp_path: Path) -> None:
    webp = _library(tmp_path / "MediaLayer/python/PIL/_webp.so", "2.27")
    assert list(wheels.too_new(tmp_path, "python3.11")) == [(webp, (2, 27))]
    assert list(wheels.too_new(tmp_path, "python3.13")) == []


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("requirements", LAYERS, ids=lambda path: path.parent.name)
def test_the_pinned_packages_load_on_a_runtime(requirements: Path, runtime: str) -> None:
    """Checks the packages installed here: pip chooses the newest for this machine's glibc, a layer at most the same."""
    pinned = re.findall(r"^([\w.-]+)==(\S+)", requirements.read_text(), re.MULTILINE)
    libraries = [
        Path(str(file.locate()))
        for name, version in pinned
        for file in _files(name, version)
        if ".so" in file.name and file.locate().is_file()  # type: ignore[attr-defined]
    ]
    assert pinned
    assert [each for each in libraries if wheels.needed(each) > wheels.GLIBC[runtime]] == []


def _files(name: str, version: str) -> list[metadata.PackagePath]:
    installed = metadata.distribution(name)
    assert installed.version == version, f"{name}: the virtual environment is not current"
    return list(installed.files or ())
