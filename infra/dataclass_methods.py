"""Stores the methods that `dataclasses` compiles while functions start, for `kernel.coldstart`.

`infra.precompile` runs it. All handlers are imported in a separate interpreter, with the packages of this one: the
methods depend on the version of Python and on the classes, not on the machine.
"""

from __future__ import annotations

import dataclasses
import marshal
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HANDLERS = ("app.py", "actions/*.py", "consumers/*.py")
SETTINGS = {"ENVIRONMENT": "local", "STACK_NAME": "build"}


def keep(function: Path, layer: Path) -> Path:
    """Write the file for a built function and the kernel's built layer; returns its path.

    Raises:
        subprocess.CalledProcessError: a handler cannot be imported.
    """
    paths = os.pathsep.join(str(each) for each in (Path(__file__).parents[1], function, layer / "python"))
    environment = {**os.environ, **SETTINGS, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("LAMBDA_TASK_ROOT", None)
    target = function / f"dataclass_methods.{sys.implementation.cache_tag}"
    target.unlink(missing_ok=True)
    command = [sys.executable, "-m", "infra.dataclass_methods", str(function), str(target)]
    subprocess.run(command, env=environment, check=True)  # noqa: S603
    return target


def _record(function: Path, target: Path) -> None:
    compiled: dict[str, bytes] = {}

    def recording(text: str, *namespaces: Any) -> None:
        code = compile(text, "<string>", "exec")
        compiled[text] = marshal.dumps(code)
        exec(code, *namespaces)  # noqa: S102 - what dataclasses wrote

    setattr(dataclasses, "exec", recording)  # noqa: B010 - its `exec` is the built-in one
    for pattern in HANDLERS:
        for path in sorted(function.glob(f"*/{pattern}")):
            if path.name != "__init__.py":
                __import__(".".join(path.relative_to(function).with_suffix("").parts))
    target.write_bytes(marshal.dumps(dict(sorted(compiled.items()))))


if __name__ == "__main__":
    _record(Path(sys.argv[1]), Path(sys.argv[2]))
