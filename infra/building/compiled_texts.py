"""Stores what functions compile from text while they start, for `kernel.coldstart`.

These are the methods of dataclasses and named tuples, and regular expressions. `precompile` runs it. All handlers are
imported in a separate interpreter, with the packages of this one: what is stored depends on the version of Python and
on the texts, not on the machine.
"""

from __future__ import annotations

import marshal
import os
import re
import sys
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # an imported module compiles its expressions before they can be recorded
    from pathlib import Path

HANDLERS = ("app.py", "actions/*.py", "consumers/*.py")
LATE = ("redis",)  # packages that functions import during their first call
SETTINGS = {
    "ENVIRONMENT": "local",
    "STACK_NAME": "build",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "build",
    "AWS_SECRET_ACCESS_KEY": "build",
}


def keep(function: Path, layer: Path) -> Path:
    """Write the file for a built function and the kernel's built layer; returns its path.

    Raises:
        subprocess.CalledProcessError: a handler cannot be imported.
    """
    import subprocess

    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    paths = os.pathsep.join((root, str(function), str(layer / "python")))
    environment = {**os.environ, **SETTINGS, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("LAMBDA_TASK_ROOT", None)
    target = function / f"compiled_texts.{sys.implementation.cache_tag}"
    target.unlink(missing_ok=True)
    command = [sys.executable, "-m", "infra.building.compiled_texts", str(function), str(target)]
    subprocess.run(command, env=environment, check=True)  # noqa: S603
    return target


def _record_patterns() -> dict[tuple[Any, int], tuple[Any, ...]]:
    """From now on, the arguments for each expression and its flags that is compiled."""
    import _sre  # type: ignore[import-not-found]

    compiler: Any = re._compiler  # type: ignore[attr-defined]
    compile_text = compiler.compile
    compiled: dict[tuple[Any, int], tuple[Any, ...]] = {}

    class Recording:
        """The engine, which remembers what it was last given."""

        given: tuple[Any, ...] = ()

        def compile(self, *given: Any) -> Any:
            self.given = given
            return _sre.compile(*given)

        def __getattr__(self, name: str) -> Any:
            return getattr(_sre, name)

    def recording(text: Any, flags: int = 0) -> Any:
        engine = compiler._sre = Recording()
        made = compile_text(text, flags)
        _, all_flags, code, *groups = engine.given
        compiled[text, int(flags)] = (text, int(all_flags), [int(each) for each in code], *groups)
        return made

    compiler.compile = recording
    return compiled


def _record_codes() -> dict[str, dict[str, CodeType]]:
    """From now on, the code of each text that `dataclasses` executes and `collections` evaluates, by their module."""
    import collections
    import dataclasses

    compiled: dict[str, dict[str, CodeType]] = {}

    def code_of(text: str, mode: str, module: str) -> CodeType:
        return compiled.setdefault(module, {}).setdefault(text, compile(text, "<string>", mode))

    def execute(text: str, within: dict[str, Any], *more: Any) -> None:
        exec(code_of(text, "exec", within.get("__name__", "")), within, *more)  # noqa: S102 - what dataclasses wrote

    def evaluate(text: str, within: dict[str, Any], *more: Any) -> Any:
        code = code_of(text, "eval", within.get("__name__", ""))
        return eval(code, within, *more)  # noqa: S307 - what collections wrote

    # module globals that shadow the built-in functions
    setattr(dataclasses, "exec", execute)  # noqa: B010
    setattr(collections, "eval", evaluate)  # noqa: B010
    return compiled


def _record(function: str, target: str) -> None:
    re.purge()
    patterns, codes = _record_patterns(), _record_codes()
    from pathlib import Path

    for pattern in HANDLERS:
        for path in sorted(Path(function).glob(f"*/{pattern}")):
            if path.name != "__init__.py":
                __import__(".".join(path.relative_to(function).with_suffix("").parts))
    for name in LATE:
        __import__(name)
    from infra.building import archives
    from kernel import aws, coldstart

    aws.client("dynamodb")  # its expressions are compiled when the first client is made

    found: dict[Any, Any] = {coldstart.ENGINE: coldstart.engine()}
    found |= {coldstart.codes_key(module): codes[module] for module in sorted(codes)}
    found |= {coldstart.pattern_key(*each): patterns[each] for each in sorted(patterns, key=repr)}
    archives.write(Path(target), {key: marshal.dumps(value) for key, value in found.items()})


if __name__ == "__main__":
    _record(sys.argv[1], sys.argv[2])
