"""Runs a command, such as the end-to-end tests, with a fresh instance that is stopped in any case."""

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace

from infra.local import services
from infra.local.config import HOST, ROOT, Instance
from infra.local.console import Problem
from infra.local.down import down, reset
from infra.local.look import log_lines
from infra.local.process import port_holder
from infra.local.stack import Stack
from infra.local.up import up


def run(instance: Instance, words: list[str]) -> int:
    """Run a command with the instance's addresses in the file named by SC_ENDPOINTS; returns its exit code."""
    if words[:1] == ["--"]:
        words = words[1:]
    if not words or not shutil.which(words[0]):
        raise Problem(f"there is no command {' '.join(words[:1])!r} to run", "write one behind `run`")
    reset(instance)
    instance = _withfree_ports(instance)
    code = 1
    try:
        up(instance)
        environment = os.environ | {"SC_ENDPOINTS": str(instance.endpoints_file)}
        code = subprocess.run(words, cwd=ROOT, env=environment, check=False).returncode
    finally:
        if code:
            _keep_function_logs(instance)
            print(f"\nThe logs of the local cloud and of its functions are in {instance.logs}", file=sys.stderr)
        down(instance)
    return code


def _withfree_ports(instance: Instance) -> Instance:
    """The instance with free ports; the command learns them, so they need not be the usual ones."""
    taken = {port: port_holder(port) for port in (instance.port, instance.redis_port)}
    chosen = {port: free_port() if holder else port for port, holder in taken.items()}
    return replace(instance, port=chosen[instance.port], redis_port=chosen[instance.redis_port])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _keep_function_logs(instance: Instance) -> None:
    """Save the functions' logs, which would be lost with the stopped cloud."""
    if services.cloud(instance).listening():
        stack = Stack(instance)
        lines = log_lines(stack, stack.functions())
        (instance.logs / "functions.log").write_text("\n".join(lines) + "\n")
