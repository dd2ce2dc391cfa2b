"""Adds compiled files to the functions of a finished `sam build`: `python -m infra.precompile BUILD [RUNTIME]`.

SAM's builder leaves them out, and Lambda cannot store compiled files, so every cold start would compile again. The
Makefiles of the layers compile the layers. The methods that `dataclasses` compiles while a function starts are stored
as well. The files are valid whatever their time stamps, because a zip does not keep those.
"""

import os
import py_compile
import sys
from importlib.util import cache_from_source
from pathlib import Path, PurePosixPath

from infra import dataclass_methods

TASK_ROOT = PurePosixPath("/var/task")  # where Lambda unpacks a function


def functions(build: Path) -> int:
    """Compile the functions of a build; those with the same code share the files. Returns the number of files.

    Raises:
        py_compile.PyCompileError: a file is not Python.
    """
    compiled: dict[tuple[str, bytes], Path] = {}
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
    return len(compiled)


def methods(build: Path) -> None:
    """Store with each function of a build the methods that `dataclasses` compiles at its start (`kernel.coldstart`).

    Raises:
        subprocess.CalledProcessError: a handler cannot be imported.
    """
    first, *others = sorted(path for path in build.rglob("*Function") if path.is_dir())
    made = dataclass_methods.keep(first, build / "KernelLayer")
    for function in others:
        (function / made.name).unlink(missing_ok=True)
        os.link(made, function / made.name)


if __name__ == "__main__":
    running = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if sys.argv[2:] not in ([], [running]):
        print(f"Not compiled: this is {running}, the functions' is {sys.argv[2]}. Cold starts take 0.1 s longer.")
    elif functions(Path(sys.argv[1])) == 0:
        sys.exit(f"{sys.argv[1]} holds no function: run sam build first")
    else:
        methods(Path(sys.argv[1]))
