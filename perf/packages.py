"""What is deployed: where the last build of the functions and layers lies, and how large it is."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from infra.local.locks import locked
from perf.report import Table, number
from perf.template import ROOT

BUILDS = (ROOT / ".local" / "build", ROOT / ".aws-sam" / "build")
FUNCTIONS = "MessagesFunction"  # any will do: all functions have the same code
LAYERS = ("RuntimeLayer", "KernelLayer", "Drive/MediaLayer")
MB = 2**20


@dataclass(frozen=True, slots=True)
class Build:
    """A finished build of SAM, in the layout of Lambda."""

    home: Path

    def functions(self) -> Path:
        return self.home / FUNCTIONS

    def layers(self) -> list[Path]:
        return [self.home / layer / "python" for layer in LAYERS]

    @property
    def paths(self) -> list[str]:
        """What a function's interpreter has on its path, in order."""
        return [str(path) for path in (self.functions(), *self.layers())]


class NotBuilt(Exception):
    """There is no build to measure."""


@contextmanager
def last_build() -> Iterator[Build]:
    """A copy of the newest build, as another may begin at any time. Raises NotBuilt."""
    with tempfile.TemporaryDirectory() as folder:
        with locked("build"):
            found = [home for home in BUILDS if (home / "template.yaml").exists() and (home / LAYERS[0]).exists()]
            if not found:
                raise NotBuilt("there is no build of the functions; run make up or make build first")
            newest = max(found, key=lambda home: (home / "template.yaml").stat().st_mtime)
            for part in (FUNCTIONS, *LAYERS):
                shutil.copytree(newest / part, Path(folder, part))
        yield Build(Path(folder))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


@lru_cache(maxsize=8)
def sizes(folder: Path) -> tuple[float, float]:
    """Megabytes as they are, and zipped."""
    buffer = io.BytesIO()
    plain = 0
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in _files(folder):
            plain += path.stat().st_size
            zipped.write(path, path.relative_to(folder))
    return plain / MB, len(buffer.getvalue()) / MB


def table(build: Build) -> Table:
    """The sizes of what is deployed; Lambda takes 250 MB unpacked, code and layers together."""
    parts = {"functions (one archive for all)": build.functions()}
    parts |= {layer: build.home / layer for layer in LAYERS}
    measured = {name: sizes(folder) for name, folder in parts.items()}
    rows = [(name, number(plain), number(zipped)) for name, (plain, zipped) in measured.items()]
    total = [sum(values) for values in zip(*measured.values(), strict=True)]
    rows.append(("a function with all layers", number(total[0]), number(total[1])))
    return Table("Package sizes", ("part", "MB", "MB zipped"), rows)
