"""Routes the calls of an instance's functions, to the cloud and to providers, through a fault proxy during a block."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.local.config import HOST, Instance
from infra.local.parity.workers import CLOCKS
from infra.local.stack import Stack
from perf.pushes import push_service
from tests.chaos.fault_proxy import FaultProxy
from tests.chaos.faults import Ground
from tests.support import models
from tests.support.deployed_functions import set_variables


@contextlib.contextmanager
def broken_ground(instance: Instance, seed: int) -> Iterator[Ground]:
    """The instance with a proxy in front of everything that it calls, including a language model and a push service.
    The functions are restored afterwards."""
    stack = Stack(instance)
    client = stack.client("lambda")
    with (
        models.serving(lambda *_: "As you wish.") as model,
        push_service.serving() as pushes,
        tempfile.TemporaryDirectory() as clocks,
    ):
        others = {"bedrock": _port(model.url), "webpush": _port(pushes)}
        with FaultProxy(instance.port, seed, others) as proxy:
            before = _variables(client, stack)
            for name, variables in before.items():
                set_variables(client, name, variables | _ours(name, f"http://{HOST}:{proxy.port}", clocks))
            try:
                yield Ground(instance, proxy, sorted(before), Path(clocks), seed)
            finally:
                proxy.rules.clear()
                for name, variables in before.items():
                    set_variables(client, name, variables)


def _ours(function: str, address: str, clocks: str) -> dict[str, str]:
    """The variables that route a function through the proxy, and name its clock."""
    found = {"AWS_ENDPOINT_URL": address, CLOCKS: clocks}
    if function.endswith("-Assistant"):
        found |= {"AI_PROVIDER": "bedrock", "AI_MODELS": "default=loopback", "AI_ENDPOINT_URL": address}
    return found


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def _variables(client: Any, stack: Stack) -> dict[str, dict[str, str]]:
    """The variables of all Python functions without those set here, which may be left of a run that was killed."""
    found = {}
    for name in stack.functions().values():
        configuration = client.get_function_configuration(FunctionName=name)
        if configuration["Runtime"].startswith("python"):
            variables = configuration.get("Environment", {}).get("Variables", {})
            found[name] = {key: value for key, value in variables.items() if key not in ("AWS_ENDPOINT_URL", CLOCKS)}
    return found
