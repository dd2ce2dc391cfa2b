"""Shows which processes run, and the functions' logs."""

import json
import time

from infra.local import services
from infra.local.config import Instance
from infra.local.console import Problem, say
from infra.local.stack import Stack

RECENT_S = 15 * 60


def status(instance: Instance) -> bool:
    """Print which servers run; true if all do."""
    daemons = (services.cloud(instance), services.redis(instance))
    for daemon in daemons:
        pid, listens = daemon.pid(), daemon.listening()
        where = f"port {daemon.port}" if listens else f"does not listen on port {daemon.port}"
        say(f"{daemon.name:<12} {f'{where}, process {pid}' if pid else 'not running'}")
    cloud, redis = (daemon.listening() for daemon in daemons)
    if cloud:
        say(f"{'Stack':<12} {Stack(instance).status()}")
        if instance.endpoints_file.exists():
            for key, value in json.loads(instance.endpoints_file.read_text()).items():
                say(f"  {key:<18} {value or '-'}")
    if not (cloud and redis):
        say(f"Start it with {instance.up_command}.")
    return cloud and redis


def require_running(instance: Instance) -> None:
    """Raise Problem unless the instance's cloud answers."""
    if not services.cloud(instance).listening():
        raise Problem("the local cloud is not running", f"start it with {instance.up_command}")


def logs(instance: Instance, function: str | None) -> None:
    """Print the log events of the last 15 minutes, of one function (by its logical name) or of all."""
    require_running(instance)
    stack = Stack(instance)
    functions = stack.functions()
    if function:
        exact = {name: physical for name, physical in functions.items() if function in (name, physical)}
        alike = {name: physical for name, physical in functions.items() if function.lower() in name.lower()}
        functions = exact or alike
        if not functions:
            names = ", ".join(sorted(stack.functions()))
            raise Problem(f"there is no function {function!r}", f"choose one of: {names}")
    lines = log_lines(stack, functions)
    say("\n".join(lines) or "no log events in the last 15 minutes")


def log_lines(stack: Stack, functions: dict[str, str]) -> list[str]:
    """Recent log events of functions (logical name → physical name), in the order of their time."""
    client = stack.client("logs")
    since = int((time.time() - RECENT_S) * 1000)
    events: list[tuple[int, str, str]] = []
    for name, physical in functions.items():
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{physical}", startTime=since
        )
        try:
            for page in pages:
                events += [(event["timestamp"], name, event["message"].rstrip()) for event in page["events"]]
        except client.exceptions.ResourceNotFoundException:
            continue  # never invoked
    events.sort(key=lambda event: event[0])
    return [f"{time.strftime('%T', time.localtime(at / 1000))} {name:<28} {text}" for at, name, text in events]
