"""The artifacts of the functions' code and of layers that `make up` has built last, and their sizes."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.local import artifacts
from infra.local.locks import locked
from perf.report import Table, number
from perf.template import Function

FUNCTIONS = artifacts.FUNCTIONS
LAYERS = ("RuntimeLayer", "KernelLayer", "ClientLayer", "MediaLayer")
COMMON_LAYERS = LAYERS[:2]
MB = 2**20


@dataclass(frozen=True, slots=True)
class Build:
    """A folder with the unpacked artifacts: `functions`, and one per layer."""

    home: Path

    def functions(self) -> Path:
        return self.home / FUNCTIONS

    def layers(self) -> list[Path]:
        return [self.home / layer / "python" for layer in LAYERS]

    def paths(self, function: Function) -> list[str]:
        """The path of a function's interpreter, in order: its code, the layers of all functions and its own."""
        layers = [name for name in LAYERS if name in COMMON_LAYERS or name in function.own_layers]
        return [str(self.functions()), *(str(self.home / name / "python") for name in layers)]


class NotBuilt(Exception):
    """There is no build to measure."""


@contextmanager
def last_build() -> Iterator[Build]:
    """The artifacts in use, unpacked into a temporary folder. Raises NotBuilt."""
    with tempfile.TemporaryDirectory() as folder:
        with locked("build"):
            for part in (FUNCTIONS, *LAYERS):
                if not (found := artifacts.known(part)):
                    raise NotBuilt(f"there is no artifact of {part}; run make up first")
                with zipfile.ZipFile(found[-1]) as zipped:
                    zipped.extractall(Path(folder, part))
        yield Build(Path(folder))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a deployed part, plain and zipped."""

    part: str
    mb: float
    zipped_mb: float


def measure(build: Build) -> list[Size]:
    """The sizes of the parts, and of a function with all layers."""
    layers = zip(LAYERS, (build.home / layer for layer in LAYERS), strict=True)
    parts = [_size(name, folder) for name, folder in (("functions (one archive for all)", build.functions()), *layers)]
    total = Size("a function with all layers", sum(part.mb for part in parts), sum(part.zipped_mb for part in parts))
    return [*parts, total]


def _size(part: str, folder: Path) -> Size:
    buffer = io.BytesIO()
    plain = 0
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in _files(folder):
            plain += path.stat().st_size
            zipped.write(path, path.relative_to(folder))
    return Size(part, plain / MB, len(buffer.getvalue()) / MB)


def table(sizes: Iterable[Size]) -> Table:
    """The table of sizes."""
    rows = [(each.part, number(each.mb), number(each.zipped_mb)) for each in sizes]
    return Table("Package sizes (Lambda takes 250 MB, code and layers together)", ("part", "MB", "MB zipped"), rows)


def as_json(sizes: Iterable[Size]) -> list[dict[str, Any]]:
    return [asdict(each) for each in sizes]
