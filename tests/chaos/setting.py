"""Has the functions of an instance speak to the cloud through a fault proxy, for as long as a block lasts."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from infra.local.config import HOST, Instance
from infra.local.stack import Stack
from tests.chaos.fault_proxy import FaultProxy
from tests.support.deployed_functions import set_variables, variables_of


@contextlib.contextmanager
def through_proxy(instance: Instance, seed: int) -> Iterator[tuple[FaultProxy, str]]:
    """The proxy, and the address of the API. The functions are as they were afterwards."""
    stack = Stack(instance)
    client = stack.client("lambda")
    http_url = json.loads(instance.endpoints_file.read_text())["http_url"]
    with FaultProxy(instance.port, seed) as proxy:
        before = _variables(client, stack)
        address = f"http://{HOST}:{proxy.port}"
        for name, variables in before.items():
            set_variables(client, name, {**variables, "AWS_ENDPOINT_URL": address})
        try:
            yield proxy, http_url
        finally:
            proxy.rules.clear()
            for name, variables in before.items():
                set_variables(client, name, variables)


def _variables(client: Any, stack: Stack) -> dict[str, dict[str, str]]:
    found = {}
    for name in stack.functions().values():
        if client.get_function_configuration(FunctionName=name)["Runtime"].startswith("python"):
            found[name] = variables_of(client, name)
            found[name].pop("AWS_ENDPOINT_URL", None)  # they have none: it is of a run that was killed
    return found
