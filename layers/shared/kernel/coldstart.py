"""What makes a function start sooner, in Lambda only: elsewhere the process belongs to somebody else.

No garbage is collected: what imports make stays, and looking through it again and again costs a tenth of a cold start.
And methods of dataclasses are not compiled: `dataclasses` writes them as text, 0.6 ms a class, and has it compiled by
`exec`. The build keeps what comes of each text (`infra.precompile`); a text that it does not know is compiled as ever.
"""

from __future__ import annotations

import dataclasses
import gc
import marshal
import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from kernel import snapshot

# Beside the functions: what each text is compiled to by this version of Python, marshalled one by one.
METHODS = f"dataclass_methods.{sys.implementation.cache_tag}"


def begin() -> None:
    """Begin to start. The kernel's first import calls it."""
    if "LAMBDA_TASK_ROOT" in os.environ:
        gc.disable()
        if known := _known_methods():
            _use(known)


@snapshot.before
@lru_cache(maxsize=1)
def finish() -> None:
    """Collect from now on, without the objects that are there already. The end of the first call calls it, or the
    taking of a snapshot."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _known_methods() -> Mapping[str, bytes]:
    for folder in sys.path:
        try:
            with open(os.path.join(folder, METHODS), "rb") as file:
                found: dict[str, bytes] = marshal.load(file)  # noqa: S302 - part of the deployment, as code is
                return found
        except (FileNotFoundError, NotADirectoryError):
            continue
    return {}


def _use(known: Mapping[str, bytes]) -> None:
    def compiled(text: str, *namespaces: Any) -> None:
        code = known.get(text)
        exec(text if code is None else marshal.loads(code), *namespaces)  # noqa: S102, S302

    setattr(dataclasses, "exec", compiled)  # noqa: B010 - its `exec` is the built-in one
