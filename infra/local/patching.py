"""Replaces functions and constants of MiniStack; fails at the start if one does not exist."""

import importlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any


def stop(what: str) -> SystemExit:
    return SystemExit(
        f"MiniStack {version('ministack')} has no {what}, which infra/local corrects. "
        "Install the version that requirements.txt names, or adapt infra/local/parity to this one."
    )


def wrap(module: str, name: str, make: Callable[[Any], Any]) -> None:
    """Replace `module.name` by `make(original)`; a dot in the name means a method."""
    owner: Any = importlib.import_module(module)
    *path, last = name.split(".")
    for step in path:
        owner = getattr(owner, step, None)
    original = getattr(owner, last, None)
    if not callable(original):
        raise stop(f"{module}.{name}")
    setattr(owner, last, make(original))


def put(module: str, name: str, value: float) -> None:
    """Change the value of the constant `module.name`."""
    owner = importlib.import_module(module)
    if not isinstance(getattr(owner, name, None), int | float):
        raise stop(f"{module}.{name}")
    setattr(owner, name, value)
