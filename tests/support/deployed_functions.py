"""Changes variables of deployed functions during a test. Each change makes the functions start new processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


def variables_of(client: Any, name: str) -> dict[str, str]:
    """The variables of a function, read by a Lambda client."""
    kept = client.get_function_configuration(FunctionName=name)
    return dict(kept.get("Environment", {}).get("Variables", {}))


def set_variables(client: Any, name: str, variables: Mapping[str, str]) -> None:
    client.update_function_configuration(FunctionName=name, Environment={"Variables": dict(variables)})


@contextmanager
def changed(client: Any, names: Iterable[str], changes: Mapping[str, str]) -> Iterator[None]:
    """Change variables of functions until the end of the block, then restore them."""
    before = {name: variables_of(client, name) for name in names}
    try:
        for name, variables in before.items():
            set_variables(client, name, {**variables, **changes})
        yield
    finally:
        for name, variables in before.items():
            set_variables(client, name, variables)
