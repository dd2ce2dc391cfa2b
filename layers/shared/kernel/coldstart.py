"""Speeds up cold starts, in Lambda only, because elsewhere the process belongs to another program.

Garbage collection is off during the start: imported objects stay anyway, and collecting takes a tenth of a cold start.
Generated methods of dataclasses are not compiled again: `dataclasses` generates them as source text and runs `exec`,
0.6 ms per class. The build stores the compiled code of each text (`infra.precompile`); texts that it does not know are
compiled as usual.
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

# Deployed with the functions: a marshalled dict from each source text to its marshalled code for this Python version.
METHODS = f"dataclass_methods.{sys.implementation.cache_tag}"


def begin() -> None:
    """Turn off collection and load the compiled methods. The kernel's first import calls it."""
    if "LAMBDA_TASK_ROOT" in os.environ:
        gc.disable()
        if known := _known_methods():
            _use(known)


@snapshot.before
@lru_cache(maxsize=1)
def finish() -> None:
    """Turn collection on, without the objects that exist already.

    Called at the end of the first call, or before a snapshot is taken.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _known_methods() -> Mapping[str, bytes]:
    for folder in sys.path:
        try:
            with open(os.path.join(folder, METHODS), "rb") as file:
                found: dict[str, bytes] = marshal.load(file)  # noqa: S302 - part of the deployment, like code
                return found
        except (FileNotFoundError, NotADirectoryError):
            continue
    return {}


def _use(known: Mapping[str, bytes]) -> None:
    def compiled(text: str, *namespaces: Any) -> None:
        code = known.get(text)
        exec(text if code is None else marshal.loads(code), *namespaces)  # noqa: S102, S302

    setattr(dataclasses, "exec", compiled)  # noqa: B010 - a module global that shadows the built-in `exec`
