"""`python -m infra.building.precompile BUILD [RUNTIME]`: adds compiled files to the functions of a `sam build`.

SAM's builder leaves them out, and Lambda cannot store compiled files, so every cold start would compile again. The
Makefiles of the layers compile the layers. What functions compile from text while they start is stored as well, and
the compiled modules of a folder are packed into one file. The compiled files are valid whatever their time stamps,
because a zip does not keep those.
"""

import os
import py_compile
import sys
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path, PurePosixPath

from infra.building import archives, compiled_texts

TASK_ROOT = PurePosixPath("/var/task")  # where Lambda unpacks a function


def functions(build: Path) -> int:
    """Compile the functions of a build and pack them; those with the same code share the files.

    Returns the number of compiled files.

    Raises:
        py_compile.PyCompileError: a file is not Python.
    """
    compiled: dict[tuple[str, bytes], Path] = {}
    packed: dict[frozenset[tuple[str, int]], Path] = {}
    for function in sorted(path for path in build.rglob("*Function") if path.is_dir()):
        for source in function.rglob("*.py"):
            name = source.relative_to(function).as_posix()
            target = Path(cache_from_source(str(source)))
            target.unlink(missing_ok=True)
            known = compiled.setdefault((name, source.read_bytes()), target)
            if known == target:
                mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
                py_compile.compile(
                    str(source), str(target), dfile=str(TASK_ROOT / name), doraise=True, invalidation_mode=mode
                )
            else:
                target.parent.mkdir(exist_ok=True)
                os.link(known, target)
        files = frozenset((name, path.stat().st_ino) for name, path in archives.compiled(function).items())
        if files in packed:
            _share(packed[files], function)
        else:
            packed[files] = archives.pack(function)
    return len(compiled)


def layers(build: Path) -> None:
    """Pack the layers that every function has."""
    for layer, pack in PACKED.items():
        pack(build / layer / "python")


def _pack_packages(folder: Path) -> None:
    """Pack the packages' compiled files, 14 MB, which are then in the archive only."""
    if found := archives.compiled(folder):  # it has none if it was packed after an earlier build
        archives.pack(folder)
        for path in found.values():
            path.unlink()


# The kernel's compiled files stay, because reading archives begins with some of them.
PACKED: dict[str, Callable[[Path], object]] = {"KernelLayer": archives.pack, "RuntimeLayer": _pack_packages}


def texts(build: Path) -> None:
    """Store with each function of a build what it compiles from text at its start (`kernel.coldstart`).

    Raises:
        subprocess.CalledProcessError: a handler cannot be imported.
    """
    first, *others = sorted(path for path in build.rglob("*Function") if path.is_dir())
    made = compiled_texts.keep(first, build / "KernelLayer")
    for function in others:
        _share(made, function)


def _share(made: Path, function: Path) -> None:
    """Link a file of one function into the folder of another."""
    target = function / made.name
    target.unlink(missing_ok=True)
    os.link(made, target)


if __name__ == "__main__":
    running = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if sys.argv[2:] not in ([], [running]):
        print(f"Not compiled: this is {running}, the functions' is {sys.argv[2]}. Cold starts take 0.1 s longer.")
    elif functions(Path(sys.argv[1])) == 0:
        sys.exit(f"{sys.argv[1]} holds no function: run sam build first")
    else:
        texts(Path(sys.argv[1]))
        layers(Path(sys.argv[1]))
