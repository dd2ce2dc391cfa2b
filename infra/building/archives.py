"""Makes the archives of a build, one file for many values, from which functions read (`kernel.archive`)."""

from __future__ import annotations

import marshal
import sys
from collections.abc import Mapping
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from typing import Any

# Name and form of the archives: see `kernel.archive`, which programs for builds cannot import.
MODULES = f"modules.{sys.implementation.cache_tag}"
SIZE_BYTES = 8
HEADER_BYTES = 16  # of a compiled file (PEP 552), before its code


def compiled(folder: Path) -> dict[str, Path]:
    """The files compiled for this version of Python, by the path of their source in the folder."""
    sources = ((path, Path(cache_from_source(str(path)))) for path in sorted(folder.rglob("*.py")))
    return {path.relative_to(folder).as_posix(): found for path, found in sources if found.exists()}


def pack(folder: Path) -> Path:
    """Write the archive of the folder's compiled modules; returns its path.

    Raises:
        ValueError: a file was compiled by another version of Python.
    """
    codes: dict[str, bytes] = {}
    for source, path in compiled(folder).items():
        content = path.read_bytes()
        if content[: len(MAGIC_NUMBER)] != MAGIC_NUMBER:
            raise ValueError(f"{path} was compiled by another version of Python")
        codes[source] = content[HEADER_BYTES:]
    write(folder / MODULES, codes)
    return folder / MODULES


def write(target: Path, values: Mapping[Any, bytes]) -> None:
    """Write an archive of marshalled values by their keys."""
    index: dict[Any, tuple[int, int]] = {}
    end = 0
    for key, value in values.items():
        index[key] = (end, len(value))
        end += len(value)
    head = marshal.dumps(index)
    target.unlink(missing_ok=True)  # it may be linked to another function's
    target.write_bytes(len(head).to_bytes(SIZE_BYTES, "little") + head + b"".join(values.values()))
